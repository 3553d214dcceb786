// On a phone the navigation is wider than the screen: the current page's entry is brought into view.
const current = document.querySelector(".masthead nav [aria-current]");
current?.scrollIntoView({ inline: "center", block: "nearest" });
