// Only one definition is open at a time; Escape or a click elsewhere closes it, and it stays inside the window.
const OPEN = "details.definition[open]";

document.addEventListener("click", (event) => {
  const inside = event.target.closest?.("details.definition");
  for (const details of document.querySelectorAll(OPEN)) if (details !== inside) details.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const details of document.querySelectorAll(OPEN)) details.open = false;
});

document.addEventListener(
  "toggle",
  (event) => {
    const body = event.target.matches?.(OPEN) && event.target.querySelector(".definition-body");
    if (!body) return;
    body.style.left = "0";
    body.style.top = "";
    const box = body.getBoundingClientRect();
    const over = box.right - (document.documentElement.clientWidth - 12);
    if (over > 0) body.style.left = `${-over}px`;
    if (box.bottom > window.innerHeight) body.style.top = `${-box.height - 6}px`;
  },
  true,
);
