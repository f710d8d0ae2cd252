"use strict";
{
  const root = document.documentElement;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  for (const button of document.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => {
      const svg = button.closest("figure").querySelector("svg");
      const link = document.createElement("a");
      const text = new XMLSerializer().serializeToString(svg);
      link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
      link.download = button.dataset.save;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  const held = (row, place) => row.cells[place].dataset.sort ?? row.cells[place].textContent.trim();
  const order = (one, other) => {
    const empty = (one === "") - (other === "");
    return empty || one - other || one.localeCompare(other, undefined, { numeric: true });
  };
  for (const head of document.querySelectorAll("th[aria-sort]")) {
    head.firstElementChild.addEventListener("click", () => {
      // numbers begin with the highest, words with A; what is empty stays below
      const body = head.closest("table").tBodies[0];
      const text = head.classList.contains("text");
      const now = head.getAttribute("aria-sort");
      const down = now === "none" ? !text : now === "ascending";
      for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => [held(row, head.cellIndex), row]);
      rows.sort(([one], [other]) => order(one, other) * (down && one !== "" && other !== "" ? -1 : 1));
      body.append(...rows.map(([, row]) => row));
    });
  }

  // what scrolls sideways can be reached by the keyboard, and only that
  const reach = new ResizeObserver((seen) => {
    for (const { target } of seen) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  for (const box of document.querySelectorAll(".scroll, .drawing")) reach.observe(box);

  for (const part of document.querySelectorAll(".rows")) {
    const on = (name, event, act) => part.querySelector(name)?.addEventListener(event, act);
    on("[data-filter]", "input", ({ target }) => {
      const words = target.value.toLowerCase().split(/\s+/);
      const rows = [...part.querySelectorAll("tbody tr")];
      for (const row of rows) {
        const text = row.dataset.text ?? row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      const shown = rows.filter((row) => !row.hidden).length;
      part.querySelector("[data-status]").textContent = `${shown} of ${rows.length} rows`;
    });
    on("[data-baseline]", "change", ({ target }) => {
      for (const gain of part.querySelectorAll("[data-against]")) {
        gain.hidden = gain.dataset.against !== target.value;
      }
    });
    on("[data-paper]", "change", ({ target }) => {
      part.classList.toggle("hide-paper", !target.checked);
    });
  }
}
