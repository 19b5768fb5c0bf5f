// Columns over time, with an axis of round figures; bars where not each period has one: beside another word, or where
// rows of zeros are left out.

const columns = (rows, { parts, unit, code, what }) => {
  const [least, most] = reach(rows, parts),
    rough = (most - least || 1) / 3,
    power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= rough);
  const low = Math.floor(least / step) * step,
    lines = Math.max(Math.ceil((most - low) / step), 1),
    high = low + lines * step;
  const at = (value) => (100 * (high - value)) / (high - low) + "%",
    wide = 100 / rows.length;
  const size = ({ from, to }) => Math.max(to - from, (high - low) / 50);
  const values = Array.from({ length: lines + 1 }, (_, line) => high - line * step);
  return chart(
    what,
    el(
      "div",
      { class: "plot" },
      el(
        "div",
        { class: "axis", ...HIDDEN },
        values.map((value) => el("span", 0, money(value, code, { notation: "compact" })))
      ),
      el(
        "svg",
        // Many columns are too thin for a gap beside each.
        rows.length > 40 && { style: "--gap:0" },
        values.map((value) => el("line", { class: "grid", x2: "100%", y1: at(value), y2: at(value) })),
        rows.map((row, place) =>
          stack(row, parts).map((piece) =>
            mark(piece, named(row), unit, {
              x: wide * (place + 0.14) + "%",
              width: wide * 0.72 + "%",
              y: at(piece.from + size(piece)),
              height: at(high - size(piece))
            })
          )
        )
      ),
      el(
        "div",
        { class: "ticks", ...HIDDEN },
        rows.map((row) => el("span", 0, named(row)))
      )
    )
  );
};
const overTime = (data, rows, asked) =>
  (data.row_count == data.rows.length && /^(day|week|month|quarter|year)$/.test(namesOf(rows[0] ?? {}))
    ? columns
    : bars)(rows, asked);
