// <call-page>: ties player, conversation, events and verdicts of one call together.
import "./definitions.js";
import "./side-tabs.js";
import "./call-transcript.js";
import "./review-panel.js";
import { getJson } from "./api.js";
import { CallPlayer } from "./call-player.js";
import { phoneTabs } from "./side-tabs.js";

const IN_PROGRESS = new Set(["received", "transcribing", "analyzing"]);
const POLL_MS = 2000;
const SEEK_S = 5;

class CallPage extends HTMLElement {
  connectedCallback() {
    this.transcript = this.querySelector("call-transcript");
    this.tabs = this.querySelector("side-tabs");
    this.events = [...this.querySelectorAll(".event")];
    const desk = this.querySelector(".desk");
    this.showOnPhone = phoneTabs(desk, this.tabs);
    desk.addEventListener("panel-shown", (event) => {
      if (event.detail === "transcript") this.transcript?.recall();
    });
    this.addEventListener("finding-looked-at", (event) => this.#showEvidence(event.detail));
    const deck = this.querySelector(".player");
    if (deck) {
      this.player = new CallPlayer(deck, {
        call: this.dataset.call,
        duration: Number(this.dataset.duration),
        nonce: this.dataset.nonce,
        events: this.events.map(eventOf),
        onTime: (time, playing) => this.#onTime(time, playing),
        onEvent: (position) => this.#playEvent(position),
        onPrevious: () => this.#step(-1),
        onNext: () => this.#step(1),
      });
      this.addEventListener("click", (event) => this.#onClick(event));
      document.addEventListener("keydown", (event) => this.#onKey(event));
      this.#openAtHash();
    }
    if (IN_PROGRESS.has(this.dataset.state)) this.#poll();
  }

  #onTime(time, playing) {
    this.transcript?.follow(time, playing);
    for (const item of this.events) {
      item.classList.toggle("active", time >= Number(item.dataset.start) && time < Number(item.dataset.end));
    }
  }

  #onClick(event) {
    const link = event.target.closest("a, .bubble span, .bubble");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.matches(".event-link")) return this.#handle(event, () => this.#playEvent(link.closest(".event").dataset.hit));
    if (link.dataset.findingLink) return this.#handle(event, () => this.tabs.reveal(link.dataset.findingLink));
    if (link.matches(".tag[data-hit-link]")) return this.#handle(event, () => this.#playEvent(link.dataset.hitLink));
    if (link.dataset.seek !== undefined) return this.#handle(event, () => this.#playEvidence(link));
    if (link.matches(".bubble, .bubble span")) this.#playWord(link);
  }

  #handle(event, action) {
    event.preventDefault();
    action();
  }

  #playEvent(position) {
    const item = this.events.find((event) => event.dataset.hit === String(position));
    if (!item) return;
    this.player.playFrom(Number(item.dataset.start));
    this.transcript?.showHit(item.dataset.hit, Number(item.dataset.start));
    item.scrollIntoView({ block: "nearest" });
  }

  #playEvidence(link) {
    this.player.playFrom(Number(link.dataset.seek));
    if (link.dataset.utteranceLink) this.showOnPhone("transcript");
    this.#showEvidence(link);
  }

  /** Bring the words that a link names into view, without playing them. */
  #showEvidence(link) {
    if (link.dataset.mark) this.transcript?.showMark(link.dataset.mark, link.dataset.utteranceLink);
    else if (link.dataset.utteranceLink) this.transcript?.showUtterance(link.dataset.utteranceLink);
  }

  #playWord(target) {
    if (String(window.getSelection())) return;
    const start = target.closest("[data-s]")?.dataset.s ?? target.closest("[data-start]").dataset.start;
    this.player.playFrom(Number(start));
  }

  #step(direction) {
    const now = this.player.time;
    const starts = this.events.map((item) => Number(item.dataset.start));
    // Going back from just after an event's start means the one before it, as with music players.
    const index = direction > 0 ? starts.findIndex((start) => start > now + 0.05) : starts.findLastIndex((start) => start < now - 1);
    if (index >= 0) this.#playEvent(this.events[index].dataset.hit);
  }

  #onKey(event) {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    const target = event.target;
    if (target.closest("input, select, textarea, dialog, summary, [role=tablist]")) return;
    // A focused button is pressed with the space bar; a link is not.
    if (event.key === " " && target.closest("button")) return;
    const actions = {
      " ": () => this.player.toggle(),
      ArrowLeft: () => this.player.seek(this.player.time - SEEK_S),
      ArrowRight: () => this.player.seek(this.player.time + SEEK_S),
      n: () => this.#step(1),
      p: () => this.#step(-1),
    };
    const action = actions[event.key] ?? actions[event.key.toLowerCase()];
    if (action) this.#handle(event, action);
  }

  #openAtHash() {
    const time = /^#t=([\d.]+)$/.exec(location.hash);
    if (time) this.player.seek(Number(time[1]));
  }

  async #poll() {
    try {
      const call = await getJson(`/api/v1/calls/${this.dataset.call}`);
      if (call.state !== this.dataset.state) return location.reload();
    } catch (error) {
      if (error.status === 401 || error.status === 404) return;
    }
    setTimeout(() => this.#poll(), POLL_MS);
  }
}

function eventOf(item) {
  return {
    position: item.dataset.hit,
    start: Number(item.dataset.start),
    end: Number(item.dataset.end),
    role: item.dataset.role,
    label: item.dataset.label,
    color: getComputedStyle(item).getPropertyValue("--stage").trim(),
  };
}

customElements.define("call-page", CallPage);
