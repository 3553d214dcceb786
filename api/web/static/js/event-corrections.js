// Correcting events without leaving the recording: the forms of the page are sent in the background.
// Keys on an event: Y confirms, X overturns; on an utterance: A says which event it is too.
import { ApiError, errorOf, postJson } from "./api.js";
import { t } from "./messages.js";

const desk = document.querySelector("call-page");
const call = desk?.querySelector("[data-can-correct]") ? desk.dataset.call : null;

if (call) {
  desk.addEventListener("submit", onSubmit);
  desk.addEventListener("click", onClick);
  desk.addEventListener("keydown", onKey);
}

async function onSubmit(event) {
  const form = event.target;
  if (form.matches(".correct form")) {
    event.preventDefault();
    await judge(form.closest(".correct"), event.submitter.value);
  } else if (form.id === "also-form") {
    event.preventDefault();
    await add(form, event.submitter?.value || form.dataset.utterance);
  }
}

async function judge(place, verdict) {
  const button = place.querySelector(`[value="${verdict}"]`);
  const again = button.getAttribute("aria-pressed") === "true";
  await attempt(place.querySelector(".correct-said"), async () => {
    const given = again ? await withdraw(place.dataset.correction) : await give(place.dataset.utterance, place.dataset.node, verdict);
    for (const other of place.querySelectorAll("[aria-pressed]")) {
      other.setAttribute("aria-pressed", String(!again && other === button));
    }
    place.dataset.correction = given.id;
    const said = again ? "" : t(`js.correct.said.${verdict}`, { who: given.username });
    place.querySelector(".correct-said").textContent = said;
  });
}

async function add(form, utterance) {
  const node = form.elements.node.value;
  const told = form.querySelector(".also-told");
  await attempt(told, async () => {
    await give(utterance, node, "added");
    const speech = document.querySelector(`#u${utterance} .speech`);
    const tag = Object.assign(document.createElement("span"), { className: "tag human", textContent: node });
    const tags = speech.querySelector(".tags") ?? speech.appendChild(Object.assign(document.createElement("p"), { className: "tags" }));
    tags.append(tag);
    told.textContent = t("js.correct.added", { node });
    form.elements.node.value = "";
    document.querySelector(`[form="also-form"][value="${utterance}"]`)?.focus();
  });
}

function onClick(event) {
  const button = event.target.closest(".also-button");
  const form = document.querySelector("#also-form");
  if (!button || !form || form.elements.node.value) return;
  // No event chosen yet: bring the choice to the utterance instead of sending nothing.
  event.preventDefault();
  open(form, button);
}

function open(form, button) {
  form.dataset.utterance = button.value;
  const role = button.closest(".utterance").dataset.role;
  for (const option of form.elements.node.options) {
    option.hidden = Boolean(option.dataset.role) && role !== "unknown" && ![role, "unknown"].includes(option.dataset.role);
  }
  form.querySelector(".also-submit").hidden = false;
  form.querySelector(".also-told").textContent = "";
  button.closest(".speech").append(form);
  form.elements.node.focus();
}

function onKey(event) {
  if (event.metaKey || event.ctrlKey || event.altKey || event.target.matches("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  const correct = event.target.closest(".event")?.querySelector(".correct");
  const verdict = { y: "confirmed", x: "overturned" }[key];
  if (correct && verdict) {
    event.preventDefault();
    event.stopPropagation();
    judge(correct, verdict);
  }
  const also = key === "a" && event.target.closest(".utterance")?.querySelector(".also-button");
  if (also) {
    event.preventDefault();
    event.stopPropagation();
    open(document.querySelector("#also-form"), also);
  }
}

function give(utterance, node, verdict) {
  return postJson(`/api/v1/calls/${call}/corrections`, { utterance: Number(utterance), node, verdict });
}

async function withdraw(id) {
  const response = await fetch(`/api/v1/calls/${call}/corrections/${id}`, { method: "DELETE", headers: { "X-Requested-With": "tingjian" } });
  if (!response.ok) throw await errorOf(response);
  return response.json();
}

async function attempt(place, work) {
  try {
    await work();
  } catch (error) {
    place.textContent = error instanceof ApiError ? error.message : t("js.error.network");
  }
}
