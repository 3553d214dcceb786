// The player: two-channel waveform, event regions, transport, speed, one side only.
import WaveSurfer from "../vendor/wavesurfer-7.12.12.esm.js";
import Regions from "../vendor/wavesurfer-regions-7.12.12.esm.js";
import { getJson } from "./api.js";
import { ChannelMixer } from "./channel-mixer.js";
import { t } from "./messages.js";

const CHANNEL_HEIGHT = 36;
const MIN_REGION_S = 0.4;

export class CallPlayer {
  #wave = null;
  #regions = null;
  #frame = 0;

  /** `options`: call, duration (s), nonce, events, and the callbacks onTime, onEvent, onPrevious, onNext. */
  constructor(section, options) {
    this.section = section;
    this.options = options;
    this.audio = section.querySelector("audio");
    this.mixer = new ChannelMixer(this.audio);
    this.clock = section.querySelector("[data-show=time]");
    section.querySelector(".player-deck").hidden = false;
    section.classList.add("ready");
    this.#bindButtons();
    this.#bindAudio();
    this.#draw();
  }

  get time() {
    return this.audio.currentTime;
  }

  seek(seconds) {
    const end = this.options.duration || this.audio.duration || seconds;
    this.audio.currentTime = Math.min(Math.max(0, seconds), end);
  }

  async playFrom(seconds) {
    this.seek(seconds);
    await this.#play();
  }

  async toggle() {
    if (this.audio.paused) await this.#play();
    else this.audio.pause();
  }

  async #play() {
    try {
      await this.audio.play();
    } catch (error) {
      // Another seek or pause came first: nothing is wrong.
      if (error.name !== "AbortError") this.#say(t("js.player.no_audio"));
    }
  }

  #bindButtons() {
    const on = (name, type, action) => this.section.querySelector(`[data-do=${name}]`)?.addEventListener(type, action);
    on("toggle", "click", () => this.toggle());
    on("previous", "click", this.options.onPrevious);
    on("next", "click", this.options.onNext);
    on("speed", "change", (event) => (this.audio.playbackRate = Number(event.target.value)));
    on("listen", "change", (event) => this.mixer.listenTo(event.target.value));
  }

  #bindAudio() {
    const tick = () => {
      this.#tell();
      this.#frame = this.audio.paused ? 0 : requestAnimationFrame(tick);
    };
    this.audio.addEventListener("play", () => {
      this.#showPlaying(true);
      if (!this.#frame) tick();
    });
    this.audio.addEventListener("pause", () => this.#showPlaying(false));
    for (const name of ["seeked", "timeupdate"]) this.audio.addEventListener(name, () => this.#tell());
    this.audio.addEventListener("error", () => this.#say(t("js.player.no_audio")));
  }

  #tell() {
    const seconds = Math.floor(this.time);
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (this.clock.textContent !== text) this.clock.textContent = text;
    this.options.onTime(this.time, !this.audio.paused);
  }

  #showPlaying(playing) {
    const button = this.section.querySelector("[data-do=toggle]");
    button.querySelector("use").setAttribute("href", `/static/img/icons.svg#${playing ? "pause" : "play"}`);
    button.setAttribute("aria-label", t(playing ? "js.player.pause" : "js.player.play"));
  }

  async #draw() {
    const container = this.section.querySelector("[data-show=wave]");
    if (!("ready" in container.dataset)) return;
    let waveform;
    try {
      waveform = await getJson(`/api/v1/calls/${this.options.call}/waveform`);
    } catch {
      return this.#say(t("js.player.no_wave"));
    }
    if (!waveform.channels.length) return this.#say(t("js.player.no_wave"));
    container.replaceChildren();
    const labels = [...this.section.querySelectorAll(".wave-labels [data-role]")];
    this.roles = waveform.channels.map((channel, i) => labels[i]?.dataset.role ?? channel.role);
    this.#regions = Regions.create();
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.#wave = WaveSurfer.create({
      container,
      media: this.audio,
      peaks: waveform.channels.map((channel) => channel.peaks.map((peak) => peak / 128)),
      duration: waveform.duration_ms / 1000,
      cspNonce: this.options.nonce,
      cursorWidth: 2,
      normalize: true,
      plugins: [this.#regions],
      ...this.#look(),
    });
    this.#wave.once("ready", () => this.#mark());
    this.#regions.on("region-clicked", (region, event) => {
      event.stopPropagation();
      this.options.onEvent(region.id);
    });
    dark.addEventListener("change", () => this.#wave.setOptions(this.#look()));
  }

  #look() {
    const style = getComputedStyle(this.section);
    const colour = (name) => style.getPropertyValue(name).trim();
    return {
      cursorColor: colour("--ink"),
      splitChannels: this.roles.map((role) => ({
        height: CHANNEL_HEIGHT,
        waveColor: colour(role === "customer" ? "--customer-wave" : "--agent-wave"),
        progressColor: colour(role === "customer" ? "--customer" : "--agent"),
      })),
      height: CHANNEL_HEIGHT,
    };
  }

  #mark() {
    for (const event of this.options.events) {
      const channel = this.roles.indexOf(event.role);
      const region = this.#regions.addRegion({
        id: event.position,
        start: event.start,
        end: Math.max(event.end, event.start + MIN_REGION_S),
        color: `color-mix(in srgb, ${event.color} 34%, transparent)`,
        channelIdx: this.roles.length > 1 ? channel : -1,
        drag: false,
        resize: false,
      });
      region.element.title = event.label;
      region.element.style.borderLeft = `2px solid ${event.color}`;
    }
  }

  #say(text) {
    const note = document.createElement("p");
    note.className = "quiet small";
    note.setAttribute("role", "status");
    note.textContent = text;
    this.section.querySelector("[data-show=wave]").replaceChildren(note);
  }
}
