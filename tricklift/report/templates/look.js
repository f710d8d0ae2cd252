{
  // the two rows of a part of "Look": which panels are shown, and the images in their order
  for (const part of document.querySelectorAll(".looks")) {
    const differences = JSON.parse(part.dataset.differences);
    const list = part.querySelector("ol");
    const cards = [...list.children];
    const sides = [...part.querySelectorAll("[data-side]")];
    const show = () => {
      const rows = sides.map((side) => side.value);
      const pair = rows[0] === rows[1] ? "same" : [...rows].sort((one, other) => one - other).join("-");
      const values = differences[pair] ?? cards.map(() => 0);
      const order = cards.map((card, place) => [values[place], place]);
      order.sort((one, other) => other[0] - one[0] || one[1] - other[1]);
      order.forEach(([value, place], at) => {
        const card = cards[place];
        card.hidden = value === 0 || at >= Number(part.dataset.shown);
        for (const panel of card.querySelectorAll(".panel")) {
          const side = rows.indexOf(panel.dataset.row);
          panel.hidden = panel.dataset.row !== "-1" && side < 0;
          panel.style.order = side + 1;
        }
      });
      list.append(...order.map(([, place]) => cards[place]));
      for (const text of part.querySelectorAll("[data-pair]")) text.hidden = text.dataset.pair !== pair;
    };
    for (const side of sides) side.addEventListener("change", show);
    show();
  }
}
