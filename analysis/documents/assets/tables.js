"use strict";
// Sorts a table by the column whose title is pressed, and filters the tables that offer it. Without it the page reads the same.
(() => {
  const order = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;

  const key = (row, column) => {
    const text = row.cells[column].textContent, number = parseFloat(text);
    return Number.isNaN(number) ? text : number;
  };

  const sort = button => {
    const head = button.parentElement, body = head.closest("table").tBodies[0], column = head.cellIndex;
    const rising = head.getAttribute("aria-sort") !== "ascending";
    head.parentElement.querySelectorAll("[aria-sort]").forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    [...body.rows].sort((a, b) => (rising ? 1 : -1) * order(key(a, column), key(b, column))).forEach(row => body.append(row));
  };

  const made = (tag, properties, parent) => parent.appendChild(Object.assign(document.createElement(tag), properties));

  // `data-filters` lists the columns that have few values, each of which gets a choice; a search looks at all columns.
  const filtered = table => {
    const rows = [...table.tBodies[0].rows], tools = made("div", {className: "tools filters"}, document.createDocumentFragment());
    table.parentElement.before(tools);
    const search = made("input", {type: "search", placeholder: "Search"}, tools);
    search.setAttribute("aria-label", "Search the table");
    const choices = JSON.parse(table.dataset.filters).map(column => {
      const title = table.tHead.rows[0].cells[column].textContent, choice = made("select", {}, tools);
      choice.setAttribute("aria-label", `Filter by ${title}`);
      made("option", {value: "", textContent: `${title}: all`}, choice);
      [...new Set(rows.map(row => row.cells[column].textContent))].forEach(value =>
        made("option", {value, textContent: value}, choice));
      return [column, choice];
    });
    const count = made("span", {className: "quiet"}, tools);
    count.setAttribute("role", "status");
    const update = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach(row => {
        const text = row.textContent.toLowerCase();
        row.hidden = !(words.every(word => text.includes(word))
          && choices.every(([column, choice]) => !choice.value || row.cells[column].textContent === choice.value));
        shown += !row.hidden;
      });
      count.textContent = `${shown} of ${rows.length} rows`;
    };
    search.addEventListener("input", update);
    choices.forEach(([, choice]) => choice.addEventListener("change", update));
    update();
  };

  document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => sort(button)));
  document.querySelectorAll("table[data-filters]").forEach(filtered);
})();
