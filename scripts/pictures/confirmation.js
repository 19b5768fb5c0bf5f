// What a call would do, or did. The card only shows: the yes is given in the conversation, where it is checked.
const FIRST = ["step", "row", "number", "client", "title", "name", "record", "currency_code"];
const AMOUNTS = ["amount", "total", "balance", "total_cost"];
const plain = (value) =>
  value === null || typeof value != "object" || (Array.isArray(value) && typeof value[0] != "object");
const pairs = (record, draw) =>
  el(
    "dl",
    0,
    Object.keys(record).map((key) => [el("dt", 0, words(key)), el("dd", 0, draw(record[key], key))])
  );

// A record in full, one field a line; of several records that go with it, how many there are and the first of them.
const facts = ({ currency_code, ...record }, row) =>
  pairs(record, (value, key) => {
    const inside = { ...row, currency_code: currency_code ?? row?.currency_code };
    if (plain(value)) return show(key, value, { ...inside, ...record });
    if (Array.isArray(value)) return value.map((each) => lines(each, inside));
    const { count, first, ...rest } = value;
    if (count == null) return facts(value, inside);
    const beside = (name) =>
      Array.isArray(rest[name]) ? rest[name].map((each) => lines(each, inside)) : facts({ [name]: rest[name] }, inside);
    return [number(count), first && ": " + show("", first, {}), Object.keys(rest).map(beside)];
  });

// A step or a sum: its name and its amount, and the rest below.
const lines = (record, row) => {
  if (plain(record)) return show("", record, {});
  const { before, after, balance_before, balance_after, ...rest } = record,
    inside = { ...row, ...record };
  const amount = AMOUNTS.find((key) => key in rest),
    first = FIRST.filter((key) => rest[key] != null);
  const more = Object.keys(rest).filter((key) => key != amount && !first.includes(key) && !/_id$/.test(key));
  const stated = (key, value) => show(key, value, inside) || "–",
    change = (was, is, key) => [stated(key, was) + " → ", el("b", 0, stated(key, is))];
  return [
    el(
      "div",
      { class: "pair" },
      el("span", 0, first.map((key) => (key == "row" ? "Row " : "") + show(key, rest[key], {})).join(" · ")),
      amount && el("b", 0, (amount == "balance" ? "Balance " : "") + show(amount, rest[amount], inside))
    ),
    more.length > 0 && el("small", 0, more.map((key) => `${words(key)}: ${show(key, rest[key], inside)}`).join(" · ")),
    balance_after != null && pairs({ balance: balance_after }, (is, key) => change(balance_before, is, key)),
    after && pairs(after, (is, key) => change(before?.[key], is, key))
  ];
};
const several = (title, records, row) => {
  const list = el("ol"),
    more = some(
      list,
      records.map((each) => el("li", 0, lines(each, row))),
      8
    );
  return section(title, list, more);
};
waiting = "Waiting for the preview …";
picture({
  counts: ["count", "quantity", "tax", "tax2", "tax3", "row", "days_overdue"],
  page: ({
    done,
    message,
    record,
    goes_with_it,
    steps,
    totals,
    not_visible,
    alternative,
    to_proceed,
    notice,
    preview_id,
    ...rest
  }) => {
    const row = { currency_code: record?.currency_code ?? (totals?.length == 1 ? totals[0].currency_code : undefined) };
    return [
      el("p", { class: "badge" }, done ? "✓ Done" : to_proceed ? "Nothing has happened yet" : "Nothing was done"),
      el("p", 0, message),
      notice && note("Note: ", notice),
      totals && several("In all", totals),
      // The last entry of a list that was cut says how many there were.
      steps &&
        several(
          steps.at(-1)?.cut ? "Steps" : `${number(steps.length)} ${steps.length == 1 ? "step" : "steps"}`,
          steps,
          row
        ),
      record && (steps ? fold("The record", facts(record)) : section("The record", facts(record))),
      goes_with_it && section("What goes with it", facts(goes_with_it, row)),
      not_visible && note("Good to know: ", not_visible),
      !done && alternative && note("Instead: ", alternative),
      Object.keys(rest).length > 0 && fold("The answer", facts(rest)),
      !done && to_proceed && note("It is yours to decide. ", "Say yes or no in the conversation: this card only shows.")
    ];
  }
});
