// Bars, each of its parts side by side from zero on.

const bar = (row, parts, [low, high], unit, name, about, limit) => {
  const at = (value) => (100 * value) / (high - low || 1) + "%";
  return el(
    "svg",
    about,
    stack(row, parts, (high - low) / 80).map((piece) =>
      mark(piece, name, unit, {
        x: at(piece.from - low),
        width: at(piece.size),
        height: "100%",
        rx: 2
      })
    ),
    limit && el("line", { class: "limit", x1: at(limit - low), x2: at(limit - low), y1: -2, y2: 14 })
  );
};

// Rows with a name, a figure and a bar each.
const bars = (rows, { parts, unit, figure, note, what, limit, most = 6, range = reach(rows, parts) }) => {
  const lines = rows.map((row) =>
    el(
      "li",
      0,
      el("div", { class: "pair" }, heading(row, rows), el("b", 0, figure(row))),
      bar(row, parts, range, unit, named(row, rows), 0, limit?.(row)),
      note && el("small", 0, note(row))
    )
  );
  const list = el("ul"),
    more = some(list, lines, most);
  return [chart(what, list), more];
};
