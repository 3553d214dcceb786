// Plays both channels, or one of them in both ears. The audio graph is built only when it is needed.
export class ChannelMixer {
  #gains = null;

  constructor(audio) {
    this.audio = audio;
  }

  /** `choice` is "both" or a channel number. */
  listenTo(choice) {
    if (!this.#gains) {
      if (choice === "both") return;
      this.#build();
    }
    const [leftToLeft, leftToRight, rightToLeft, rightToRight] = this.#gains;
    leftToLeft.gain.value = choice === "1" ? 0 : 1;
    leftToRight.gain.value = choice === "0" ? 1 : 0;
    rightToLeft.gain.value = choice === "1" ? 1 : 0;
    rightToRight.gain.value = choice === "0" ? 0 : 1;
  }

  #build() {
    const context = new AudioContext();
    const source = context.createMediaElementSource(this.audio);
    const splitter = context.createChannelSplitter(2);
    const merger = context.createChannelMerger(2);
    source.connect(splitter);
    this.#gains = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([from, to]) => {
      const gain = context.createGain();
      splitter.connect(gain, from);
      gain.connect(merger, 0, to);
      return gain;
    });
    merger.connect(context.destination);
    this.audio.addEventListener("play", () => context.resume());
    context.resume();
  }
}
