// Columns over time, with an axis of round figures; bars where not each period has one: beside another word, or where
// rows of zeros are left out.

const columns = (rows, { parts, unit, code, what }) => {
  const [period] = apart(rows),
    about = (row) => show(period, row[period], row),
    [least, most] = reach(rows, parts),
    rough = (most - least || 1) / 3,
    power = 10 ** Math.floor(Math.log10(rough)),
    step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= rough),
    low = Math.floor(least / step) * step,
    lines = Math.max(Math.ceil((most - low) / step), 1),
    high = low + lines * step,
    at = (value) => (100 * (high - value)) / (high - low) + "%",
    wide = 100 / rows.length,
    values = Array.from({ length: lines + 1 }, (_, line) => high - line * step);
  return chart(
    what,
    el(
      "div",
      { class: "plot" },
      el(
        "div",
        { class: "axis", ...HIDDEN },
        values.map((value) => el("span", 0, money(value, code, { notation: "compact", maximumFractionDigits: 2 })))
      ),
      el(
        "svg",
        // Many columns are too thin for a gap beside each.
        rows.length > 40 && { style: "--gap:0" },
        values.map((value) => el("line", { class: "grid", x2: "100%", y1: at(value), y2: at(value) })),
        rows.map((row, place) =>
          stack(row, parts, (high - low) / 50).map((piece) =>
            mark(piece, about(row), unit, {
              x: wide * (place + 0.14) + "%",
              width: wide * 0.72 + "%",
              y: at(piece.from + piece.size),
              height: at(high - piece.size)
            })
          )
        )
      ),
      el(
        "div",
        { class: "ticks", ...HIDDEN },
        rows.map((row) => el("span", 0, about(row)))
      )
    )
  );
};
const overTime = (data, rows, asked) =>
  (data.row_count == data.rows.length && PERIODS.includes(apart(rows)[0]) ? columns : bars)(rows, asked);
