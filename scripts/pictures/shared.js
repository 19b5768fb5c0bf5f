// What all pictures share: elements, figures in the reader's language, remarks, tables, and the host.

const main = document.querySelector("main");
// As long as the host names no language, it is the browser's.
let locale,
  view,
  input,
  result,
  asked,
  can = {},
  waiting = "Waiting for the figures …";

// Elements. Texts become text nodes, so that nothing in a record can become markup; what is empty is left out.
const el = (tag, about, ...inside) => {
  const made = document.createElementNS(
    `http://www.w3.org/${/^(svg|rect|line|path|pattern)$/.test(tag) ? "2000/svg" : "1999/xhtml"}`,
    tag
  );
  for (const name in about) about[name] != null && made.setAttribute(name, about[name]);
  made.append(...inside.flat(9).filter(Boolean));
  return made;
};
const HIDDEN = { "aria-hidden": true };
const note = (title, text, role) => el("p", { class: "note", role }, el("b", 0, title), text);
const section = (title, ...inside) => el("section", 0, el("h2", 0, title), inside);
// The first of many lines, and a button for the rest.
const some = (list, lines, most) => {
  const more = el("button", { class: "more" }, `Show all ${number(lines.length)}`);
  list.append(...lines.slice(0, most));
  more.onclick = () => {
    list.append(...lines.slice(most));
    lines[most].tabIndex = -1;
    lines[most].focus();
    more.remove();
  };
  return lines.length > most && more;
};
const every = (selector) => [...main.querySelectorAll(selector)];
const fold = (title, ...inside) => el("details", 0, el("summary", 0, title), inside);

// Figures.
const number = (value, options) =>
  new Intl.NumberFormat(locale, { maximumFractionDigits: 6, ...options }).format(value);
const money = (value, currency, options) => {
  try {
    return number(value, { style: "currency", currency, ...options });
  } catch {
    // A code that nobody knows.
    return `${number(value)} ${currency}`;
  }
};
const hours = (value) => number(value) + "\xa0h";
const percent = (value) => number(value) + "\xa0%";
const date = (text, options) => {
  const day = new Date(text);
  return isNaN(day) ? text : day.toLocaleDateString(locale, { timeZone: "UTC", calendar: "gregory", ...options });
};
const day = (text) => date(text, { dateStyle: "medium" });
const month = (text) => date(text, { month: "short", year: "numeric" });
const words = (name) => (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ").replace(/(\d)\s(\d)/, "$1–$2");
const columnsOf = (rows) => [...new Set(rows.flatMap(Object.keys))].filter((key) => !/_id$/.test(key));
// The rows of a list, without the mark at the end of one that was cut.
const rowsOf = (value) =>
  value?.map && value[0] && typeof value[0] == "object" ? value.filter(({ cut }) => !cut) : [];

// A value as people read it, by the name of its field, so that what somebody wrote stays as it is. A number beside a
// currency is money, but for those that the view counts.
const show = (name, value, row) => {
  const kind = typeof value;
  if (value == null) return "–";
  if (Array.isArray(value)) return value.map((each) => show(name, each, row)).join(", ");
  if (kind == "object")
    return columnsOf([value])
      .map((key) => `${words(key)} ${show(key, value[key], { ...row, ...value })}`)
      .join(" · ");
  if (kind == "number") {
    if (/(^|_)id$/.test(name)) return value;
    if (/hours$|:(billable|capacity)$|^hours:(budget|used|remaining)$/.test(`${row.budget_type}:${name}`))
      return hours(value);
    if (/percentage|share|utilization/.test(name)) return percent(value);
    return row.currency_code && !view.counts?.includes(name) ? money(value, row.currency_code) : number(value);
  }
  if (kind == "boolean") return value ? "yes" : "no";
  if (/(^|_)(date|o[nf]|day|week|month)$/.test(name) && /^\d{4}-\d\d(-\d\d)?$/.test(value))
    return value[7] ? day(value) : month(value);
  return /(^age|status|_interval)$/.test(name) ? value.replaceAll("_", " ") : value;
};

// The table behind a picture, and what every picture says of its figures: of which days they are, and what is missing.
const table = (name, rows) => {
  const names = columnsOf(rows);
  return el(
    "table",
    0,
    el("caption", 0, words(name)),
    el(
      "tr",
      0,
      names.map((key) => el("th", { scope: "col" }, words(key)))
    ),
    rows.map((row) =>
      el(
        "tr",
        0,
        names.map((key) => el("td", typeof row[key] == "number" && { class: "n" }, show(key, row[key], row)))
      )
    )
  );
};
const period = ({ from_date, to_date, as_of }) =>
  from_date
    ? `${day(from_date)} – ${day(to_date)}`
    : to_date
      ? "Up to " + day(to_date)
      : as_of && "As of " + day(as_of);
const report = (data) => {
  const rows = rowsOf(data.rows),
    row_count = data.row_count ?? rows.length,
    lists = Object.keys(data).filter((name) => rowsOf(data[name]).length);
  return [
    el("p", { class: "muted" }, period(data)),
    lists.length ? view.draw(data, rows) : note(view.empty),
    [
      (data.complete === false || row_count > rows.length) &&
        `${number(rows.length)} of ${number(row_count)} rows or more.`,
      ...lists.flatMap((name) => data[name].map(({ cut }) => cut && words(name) + " " + cut))
    ].map((text) => text && note("Not everything is shown: ", text)),
    data.notice && note("Note: ", data.notice),
    data.left_out?.length &&
      section(
        "Not included",
        el(
          "ul",
          { class: "muted" },
          data.left_out.map((each) => el("li", 0, "• ", each))
        )
      ),
    lists.length &&
      fold(
        "Figures as a table",
        el(
          "div",
          { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures" },
          lists.map((name) => table(name, rowsOf(data[name])))
        )
      ),
    data.basis && fold("How it was counted", el("p", { class: "muted" }, data.basis))
  ];
};

// From an answer to the page: the structured one, or else its text. What is no answer of ours is shown as text: without
// rows, it would look like an answer that has none.
const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    // A remark, in words.
  }
};
const textsOf = ({ content }) => [content].flat().map((part) => part?.text ?? "");
const failure = (text) => ({ isError: true, content: [{ text }] });
const refused = (answer) => note("This did not work.\n", textsOf(answer).join("\n") || "No reason was given.", "alert");
const content = (answer) => {
  if (!answer) return note(waiting, "", "status");
  if (answer.isError) return refused(answer);
  const texts = textsOf(answer),
    text = texts.join("\n");
  try {
    const answers = [answer.structuredContent, ...texts.map(parsed)];
    return (view.page ?? report)(answers.find((each) => each?.rows?.map || each?.message));
  } catch {
    return note("This answer cannot be drawn.\n", text, "alert");
  }
};
const put = (page) => {
  main.replaceChildren(page);
  fit();
};
const draw = (answer, given, ...above) => {
  asked = given;
  put(el("div", 0, el("h1", 0, document.title), above, content(answer)));
};
const render = () => draw(result, input);

// On paper everything stands, since nothing can be opened there.
addEventListener("beforeprint", () => every(".more, :not([open]) > summary").forEach((each) => each.click()));

// The host: JSON-RPC by messages, as MCP Apps describes it.
// A frame cannot know the origin of its host, so only what it is, its size and the id of what was clicked are sent.
const send = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
const notify = (name, params) => send({ method: "ui/notifications/" + name, params });
const replies = [];
const ask = (method, params) => new Promise((done) => send({ id: replies.push(done), method, params }));
const fit = () => {
  for (const axis of every(".ticks")) {
    const ticks = [...axis.children],
      longest = 8 * Math.max(...ticks.map((tick) => tick.textContent.length)),
      each = Math.ceil((longest * ticks.length) / (axis.clientWidth || 1));
    ticks.forEach(
      (tick, at) =>
        (tick.style.cssText = at % each || at + each / 2 >= ticks.length ? "visibility:hidden;overflow:hidden" : "")
    );
  }
  main.tabIndex = main.scrollHeight > main.offsetHeight ? 0 : -1;
  notify("size-changed", { width: main.offsetWidth, height: main.offsetHeight });
};
// What the host says of itself, or of what changed. A picture is drawn anew for another language alone, so that what
// somebody opened, or turned to, stays while the host only makes room for it.
const adopt = (context) => {
  const { theme, styles, locale: language, containerDimensions: size, safeAreaInsets: safe } = context ?? {},
    { style } = document.documentElement,
    before = locale;
  if (theme) style.colorScheme = theme;
  for (const name in styles?.variables) /^--/.test(name) && style.setProperty(name, styles.variables[name] ?? "");
  try {
    [locale] = Intl.getCanonicalLocales(language.replaceAll("_", "-"));
  } catch {
    // The host names no language, or none that the browser knows.
  }
  const most = size?.height || size?.maxHeight;
  if (size) main.style.maxHeight = most ? most + "px" : "none";
  for (const side in safe) main.style["padding-" + side] = 16 + safe[side] + "px";
  (locale == before ? fit : render)();
};
const HEARS = {
  __proto__: null,
  "tool-input": (given) => render((input = given?.arguments ?? {})),
  "tool-result": (answer) => render((result = answer)),
  "tool-cancelled": () => render((waiting = "Cancelled.")),
  "host-context-changed": adopt
};
const hear = ({ source, data }) => {
  if (source != parent || data?.jsonrpc != "2.0") return;
  const { id, method, params } = data;
  if (id == null) HEARS[`${method}`.split("/")[2]]?.(params);
  else if (method)
    send({
      id,
      ...(/teardown|ping/.test(method) ? { result: {} } : { error: { code: -32601, message: "Method not found" } })
    });
  else replies[id - 1]?.(data.result ?? failure(data.error?.message));
};
const picture = (described) => {
  view = described;
  result = JSON.parse(document.getElementById("answer").textContent);
  render();
  new ResizeObserver(fit).observe(main);
  if (result || parent == window) return;
  addEventListener("message", hear);
  const appInfo = { name: "clientary", version: "1" };
  ask("ui/initialize", { protocolVersion: "2026-01-26", appInfo, appCapabilities: {} }).then(
    ({ hostCapabilities, hostContext }) => {
      can = hostCapabilities ?? can;
      adopt(hostContext);
      render();
      notify("initialized");
    }
  );
};
