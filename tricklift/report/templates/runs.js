{
  // pages of runs: unpacked once, and filled where one is opened
  const list = document.querySelector(".runs");
  const make = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  let unpacked;
  const pages = () => {
    unpacked ??= (async () => {
      const packed = atob(list.querySelector("[data-packed]").textContent);
      const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return JSON.parse(await new Response(stream).text());
    })();
    return unpacked;
  };
  const save = (label, name, kind, text) => {
    const button = make("button", label, { type: "button", class: "quiet" });
    button.addEventListener("click", () => {
      const link = make("a", "", { download: name });
      link.href = URL.createObjectURL(new Blob([text()], { type: kind }));
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    return button;
  };
  const folded = (title, node) => {
    const made = make("details");
    made.append(make("summary", title), node);
    return made;
  };
  const changes = (held, place) => {
    if (held.own[place]) return make("p", "This is the baseline's run.");
    if (!held.diff[place]) return make("p", "There is no baseline to compare its config with.");
    if (!held.diff[place].length) return make("p", "Nothing but the seed and its folder.");
    const table = make("table");
    const head = table.createTHead().insertRow();
    for (const word of ["Key", "Baseline", "This run"]) head.append(make("th", word, { scope: "col" }));
    const body = table.createTBody();
    for (const [key, ...values] of held.diff[place]) {
      const row = body.insertRow();
      row.append(make("th", key, { scope: "row" }), ...values.map((value) => make("td", value)));
    }
    const frame = make("div", undefined, { class: "scroll", tabindex: "0", role: "region", "aria-label": "Changes of the config" });
    frame.append(table);
    return frame;
  };
  const fillIn = async (run) => {
    const inside = run.querySelector(".inside");
    if (inside.dataset.filled) return;
    inside.dataset.filled = "1";
    const held = await pages();
    const place = Number(run.dataset.run);
    if (held.curves[place]) {
      const figure = make("figure");
      const drawing = make("div", undefined, { class: "drawing" });
      drawing.innerHTML = held.curves[place]; // drawn by us; its words are escaped
      figure.append(drawing);
      const caption = make("figcaption");
      const buttons = make("span");
      const svg = () => new XMLSerializer().serializeToString(figure.querySelector("svg"));
      buttons.append(
        save("SVG", `${run.id}.svg`, "image/svg+xml", svg),
        " ",
        save("CSV", `${run.id}.csv`, "text/csv", () => held.csv[place]),
      );
      caption.append(make("span"), buttons);
      figure.append(caption);
      inside.append(figure);
    }
    inside.append(make("h3", "What its config changes"), changes(held, place));
    const texts = [["The resolved config", held.config[place]], ["The end of its log", held.log[place].join("\n")]];
    for (const [title, text] of texts) {
      inside.append(folded(title, make("pre", text || "The run left none.", { tabindex: "0" })));
    }
  };
  if (list) {
    const runs = [...list.querySelectorAll(".run")];
    for (const run of runs) run.addEventListener("toggle", () => run.open && fillIn(run));
    const open = () => {
      const run = location.hash.startsWith("#run-") && document.getElementById(location.hash.slice(1));
      if (run) run.open = true;
    };
    addEventListener("hashchange", open);
    open();
    list.querySelector("[data-find]").addEventListener("input", ({ target }) => {
      const words = target.value.toLowerCase().split(/\s+/);
      for (const run of runs) {
        const text = run.querySelector("summary").textContent.toLowerCase();
        run.hidden = !words.every((word) => text.includes(word));
      }
      const shown = runs.filter((run) => !run.hidden).length;
      list.querySelector("[data-found]").textContent = `${shown} of ${runs.length} runs`;
    });
  }
}
