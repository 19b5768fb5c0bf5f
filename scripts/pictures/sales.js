// What was invoiced or received: columns over time, bars by anything else.
const INVOICED = [
  { key: "received" },
  { key: "pending" },
  { key: "open", at: 3 },
  { key: "credits", label: "Overpaid", at: 5, sign: -1 }
];
NAMES.unshift("status");
picture({
  empty: "No sales were found.",
  tool: "sales_report",
  within: { project_id: { group_by: "month" }, client_id: { group_by: "month" } },
  counts: ["invoices", "payments"],
  draw: (data) =>
    perCurrency(data, ({ code, rows, total, unit, most }) => {
      const sums = { ...rows[0], ...total },
        key = "gross" in sums ? "gross" : "received",
        parts = INVOICED.filter((part) => part.key in sums);
      return {
        title: key == "gross" ? "invoiced, with tax" : key,
        figure: total[key],
        inside: [
          overTime(data, rows, {
            parts,
            unit,
            code,
            most,
            what: "Sales in " + code,
            figure: (row) => unit(row[key] ?? 0)
          }),
          legend(parts, total, unit),
          total.net != null &&
            beside(
              [unit(total.net) + " net", unit(total.tax) + " tax", total.other && unit(total.other) + " other"],
              "Of it: "
            )
        ]
      };
    })
});
