// <call-transcript>: marks what is being said, keeps it in view, and shows evidence.
const HANDS_OFF_MS = 4000;

class CallTranscript extends HTMLElement {
  #current = [];
  #word = null;
  #scrolledByHand = -Infinity;
  #followButton = null;

  connectedCallback() {
    this.lines = [...this.querySelectorAll(".utterance")].map((element) => ({
      element,
      start: Number(element.dataset.start),
      end: Number(element.dataset.end),
      words: null,
    }));
    this.pane = this.closest(".panel");
    this.#followButton = this.pane.querySelector("[data-do=follow]");
    for (const type of ["wheel", "touchmove"]) {
      this.pane.addEventListener(type, () => this.#letGo(), { passive: true });
    }
    this.#followButton?.addEventListener("click", () => {
      this.#scrolledByHand = -Infinity;
      this.#followButton.hidden = true;
      this.recall();
    });
  }

  /** Bring what is being said into view (the panel may have been hidden). */
  recall() {
    this.#current.at(-1)?.element.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  /** Mark everything said at `time` (both sides may speak); scroll while playing. */
  follow(time, playing) {
    const active = this.lines.filter((line) => time >= line.start && time < line.end);
    if (active.length !== this.#current.length || active.some((line, i) => line !== this.#current[i])) {
      for (const line of this.#current) this.#mark(line, false);
      for (const line of active) this.#mark(line, true);
      this.#current = active;
      if (playing && active.length) this.#keepInView(active.at(-1).element);
    }
    this.#markWord(active, time);
  }

  showUtterance(index) {
    const line = this.querySelector(`[data-utterance="${index}"]`);
    if (line) this.#point(line, "pointed");
  }

  showHit(position, seconds) {
    const run = this.querySelector(`[data-hits~="${position}"]`);
    const line = run?.closest(".utterance") ?? this.lines.findLast((item) => item.start <= seconds)?.element;
    if (line) this.#point(line, "pointed");
  }

  /** Show the span of text that a finding rests on; all of the utterance when no text is marked. */
  showMark(id, utterance) {
    for (const run of this.querySelectorAll(".pointed-mark")) run.classList.remove("pointed-mark");
    const runs = this.querySelectorAll(`[data-marks~="${id}"]`);
    for (const run of runs) run.classList.add("pointed-mark");
    const line = runs[0]?.closest(".utterance") ?? this.querySelector(`[data-utterance="${utterance}"]`);
    if (line) this.#point(line, "pointed");
  }

  #point(element, name) {
    // Told to look here: the follow mode yields until playback moves on.
    element.scrollIntoView({ block: "center", behavior: "smooth" });
    element.classList.remove(name);
    void element.offsetWidth;
    element.classList.add(name);
    this.#scrolledByHand = -Infinity;
    if (this.#followButton) this.#followButton.hidden = true;
  }

  #mark(line, on) {
    line.element.classList.toggle("active", on);
    if (on) line.element.setAttribute("aria-current", "true");
    else line.element.removeAttribute("aria-current");
  }

  #markWord(active, time) {
    let found = null;
    for (const line of active) {
      line.words ??= [...line.element.querySelectorAll("[data-s]")];
      found = line.words.find((word) => time >= Number(word.dataset.s) && time < Number(word.dataset.e)) ?? found;
    }
    if (found === this.#word) return;
    this.#word?.classList.remove("said");
    found?.classList.add("said");
    this.#word = found;
  }

  #letGo() {
    this.#scrolledByHand = performance.now();
    if (this.#followButton) this.#followButton.hidden = this.#current.length === 0;
  }

  #keepInView(element) {
    if (performance.now() - this.#scrolledByHand < HANDS_OFF_MS) return;
    if (this.#followButton) this.#followButton.hidden = true;
    // On a phone another tab may be in front; scrolling a hidden line would move the page.
    if (element.offsetParent) element.scrollIntoView({ block: "center", behavior: "smooth" });
  }
}

customElements.define("call-transcript", CallTranscript);
