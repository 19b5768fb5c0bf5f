// Marks: parts of bars and columns. They have patterns beside their colours, and tell their figures by pointer, tap
// or keyboard.

const PATTERNS = ["", "M-2 2L2-2M0 8L8 0M6 10L10 6", "M2 2h.1M6 6h.1", "M0 4H8M4 0V8", "M2 0V8M6 0V8", "M0 2H8M0 6H8"];
main.after(
  el(
    "svg",
    { class: "defs", ...HIDDEN },
    PATTERNS.map((d, at) =>
      el(
        "pattern",
        { id: "p" + at, width: 8, height: 8, patternUnits: "userSpaceOnUse" },
        el("rect", { width: 8, height: 8, fill: `var(--${at})` }),
        el("path", { d })
      )
    )
  )
);
const legend = (parts, total, unit) =>
  el(
    "ul",
    { class: "legend" },
    parts.map(
      ({ key, label = words(key), at }, place) =>
        (!total || total[key]) &&
        el(
          "li",
          0,
          el("svg", HIDDEN, el("rect", { width: 14, height: 14, fill: `url(#p${at ?? place})` })),
          label,
          total && el("b", 0, unit(total[key]))
        )
    )
  );

// How the parts of a row are stacked from zero on: those below zero to the other side. None is smaller than `least`.
const stack = (row, parts, least = 0) => {
  let up = 0,
    down = 0;
  return parts
    .map(({ key, label = words(key), at, sign = 1 }, place) => {
      const value = sign * (row[key] ?? 0),
        size = Math.max(Math.abs(value), least),
        from = value < 0 ? down - size : up;
      if (value < 0) down += value;
      else up += value;
      return { value, from, size, label, at: at ?? place };
    })
    .filter(({ value }) => value);
};
const reach = (rows, parts) => {
  const all = rows.flatMap((row) => stack(row, parts));
  return [Math.min(0, ...all.map(({ from }) => from)), Math.max(0, ...all.map(({ from, size }) => from + size))];
};
const mark = ({ at, label, value }, name, unit, place) =>
  el("rect", {
    class: "mark",
    role: "img",
    tabindex: -1,
    "aria-label": `${name}: ${label} ${unit(value)}`,
    fill: `url(#p${at})`,
    ...place
  });
const chart = (what, ...inside) => {
  const made = el("div", { class: "chart", role: "group", "aria-label": what + ": use the arrow keys." }, inside);
  made.querySelector(".mark")?.setAttribute("tabindex", 0);
  return made;
};

// What tells rows apart, and what a row is about among others.
const PERIODS = ["day", "week", "month", "quarter", "year"];
const NAMES = ["number", "client", "project", "person", "title", ...PERIODS];
const apart = (rows) => NAMES.filter((key) => rows.some((row) => row[key] != null));
const named = (row, rows) =>
  apart(rows)
    .map((key) => (row[key] ? show(key, row[key], row) : "no " + key))
    .join(" · ") || show("", row.currency_code);

// What is not in a picture.
const beside = (texts, title = "Not in it: ") =>
  texts.some(Boolean) && el("p", { class: "muted" }, title + texts.filter(Boolean).join(", ") + ".");

// One section for each currency: two of them never share an axis. Its figure is of the totals, which have none where
// nothing that was asked for is in that currency, or where there are too many.
const codeOf = (row) => row.currency_code || "";
const perCurrency = (data, draw) => {
  const all = Object.values(data).flatMap(rowsOf).filter(codeOf).concat(rowsOf(data.rows));
  const codes = [...new Set(all.map(codeOf))].sort();
  return codes.map((code) => {
    const mine = (list) => rowsOf(list).filter((row) => codeOf(row) == code),
      unit = (value) => money(value, code);
    const { title, figure, inside } = draw({
      code,
      mine,
      rows: mine(data.rows),
      total: mine(data.totals)[0] ?? {},
      unit,
      most: codes[1] ? 4 : 8
    });
    return section(
      [
        `${code || "Unknown currency"} · ${title}`,
        el("span", 0, figure == null ? !mine(data.rows)[0] && "none found" : unit(figure))
      ],
      inside
    );
  });
};

// Marks tell their figures where they are pointed at, tapped or reached by keyboard; Escape hides them.
let tip;
const tell = ({ type, target }) => {
  tip?.remove();
  if (/out$/.test(type) || !target.matches(".mark")) return;
  tip = el("div", { class: "tip", ...HIDDEN }, target.ariaLabel);
  main.append(tip);
  const { left, top } = target.getBoundingClientRect(),
    above = top - main.getBoundingClientRect().top - tip.offsetHeight - 6;
  tip.style.left = Math.max(0, Math.min(left, main.clientWidth - tip.offsetWidth)) + "px";
  tip.style.top = Math.max(0, above) + main.scrollTop + "px";
};
const move = (event) => {
  const marks = [...(event.target.closest(".chart")?.querySelectorAll(".mark") ?? [])],
    at = marks.indexOf(event.target),
    next = marks[at + { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]];
  if (event.key == "Escape") tip?.remove();
  if (at < 0 || !next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
};
for (const kind of "pointerover pointerout focusin focusout click".split(" ")) main.addEventListener(kind, tell);
main.addEventListener("keydown", move);
