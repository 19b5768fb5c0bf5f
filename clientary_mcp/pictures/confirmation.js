// What a call would do, or did. The card only shows: the yes is given in the conversation, where it is checked.
const FIRST = ["step", "row", "number", "client", "title", "name", "record", "currency_code"];
const AMOUNTS = ["amount", "total", "balance", "total_cost"];
const plain = (value) => value === null || typeof value != "object" || Array.isArray(value) && typeof value[0] != "object";
const changed = ({ before, after }, row) => Object.keys(after ?? {}).map((key) => [el("dt", 0, words(key)), el("dd", 0, `${show(key, before?.[key], row)} → `, el("b", 0, show(key, after[key], row)))]);

// A record in full, one field a line.
const facts = (record, row) => el("dl", 0, Object.keys(record).filter((key) => key != "currency_code").map((key) => {
  const value = record[key], inside = { ...row, ...record };
  return [el("dt", 0, words(key)), el("dd", 0, plain(value) ? show(key, value, inside)
    : Array.isArray(value) ? value.map((each) => lines(each, inside)) : facts(value, inside))];
}));

// A step or a sum: its name and its amount, and the rest below.
const lines = (record, row) => {
  const { before, after, balance_before, balance_after, ...rest } = record, inside = { ...row, ...record };
  const amount = AMOUNTS.find((key) => key in rest), first = FIRST.filter((key) => rest[key] != null);
  const more = Object.keys(rest).filter((key) => key != amount && !first.includes(key) && !/_id$|^id$/.test(key));
  return [
    el("div", { class: "pair" }, el("span", 0, first.map((key) => (key == "row" ? "Row " : "") + show(key, rest[key], {})).join(" · ")), amount && el("b", 0, show(amount, rest[amount], inside))),
    more.length > 0 && el("small", 0, more.map((key) => `${words(key)}: ${show(key, rest[key], inside)}`).join(" · ")),
    balance_after != null && el("dl", 0, el("dt", 0, "Balance"), el("dd", 0, `${show("balance", balance_before, inside)} → `, el("b", 0, show("balance", balance_after, inside)))),
    after && el("dl", 0, changed(record, inside)),
  ];
};
const several = (title, records, row) => {
  const list = el("ol"), more = some(list, records.map((each) => el("li", 0, lines(each, row))), 8);
  return section(title, list, more);
};
waiting = "Waiting for the preview …";
picture({
  page: ({ done, message, record, goes_with_it, steps, totals, not_visible, alternative, to_proceed, notice, preview_id, ...rest }) => {
    const { currency_code } = record?.currency_code ? record : totals?.length == 1 ? totals[0] : {}, row = { currency_code };
    return [
      el("p", { class: "badge" }, done ? "✓ Done" : to_proceed ? "Nothing has happened yet" : "Nothing was done"),
      el("p", 0, message),
      notice && note("Note: ", notice),
      totals && several("In all", totals),
      steps && several(`${number(steps.length)} ${steps.length == 1 ? "step" : "steps"}`, steps, row),
      goes_with_it && section("What goes with it", facts(goes_with_it, row)),
      not_visible && note("Good to know: ", not_visible),
      !done && alternative && note("Instead: ", alternative),
      record && (steps ? fold("The record", facts(record)) : section("The record", facts(record))),
      Object.keys(rest).length > 0 && fold("The answer", facts(rest)),
      !done && to_proceed && note("It is yours to decide. ", "Say yes or no in the conversation: this card only shows."),
    ];
  },
});
