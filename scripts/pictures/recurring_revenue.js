// What comes in each month by active schedules; paused ones are shown, and count for nothing.
const PART = [{ key: "per_month", label: "a month" }],
  PAUSED = [{ key: "per_month", label: "a month, paused", at: 4 }];
picture({
  empty: "No active schedules were found.",
  counts: ["schedules", "occurrences_remaining"],
  draw: (data) =>
    perCurrency(data, ({ code, mine, rows, total, unit, most }) => {
      const paused = mine(data.paused),
        range = reach([...rows, ...paused], PART);
      const shared = {
        unit,
        range,
        most,
        figure: (row) => unit(row.per_month),
        note: (row) =>
          [
            `${unit(row.per_invoice)} ${show("time_interval", row.time_interval)}`,
            row.next_date && "next " + day(row.next_date),
            row.occurrences_remaining && number(row.occurrences_remaining) + " left"
          ]
            .filter(Boolean)
            .join(", ")
      };
      return {
        title: "each month, before tax",
        figure: total.per_month,
        inside: [
          rows.length > 0 && bars(rows, { ...shared, parts: PART, what: `Active schedules in ${code}` }),
          paused.length > 0 && el("p", { class: "muted" }, "Paused, and not in it:"),
          paused.length > 0 && bars(paused, { ...shared, parts: PAUSED, what: `Paused schedules in ${code}` })
        ]
      };
    })
});
