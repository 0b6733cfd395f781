// Filters and sorts the rows. What is chosen stands in the address after #, so that a view can be linked to:
// report.html#state=failed&q=fox&sort=v.paint.steps&down=1&v.paint.steps=4
"use strict";
(() => {
  const MOST_CHOICES = 24;
  const number = (text) => (text.trim() === "" ? NaN : Number(text));
  const byId = (id) => document.getElementById(id);
  const grid = byId("rows"), tools = byId("tools"), search = byId("search"), sort = byId("sort"), down = byId("down");
  const states = [...tools.querySelectorAll("input[name=state]")];
  const rows = [...grid.children].map(read);
  const facets = madeFacets();

  function read(card) {
    const values = new Map();
    for (const pair of card.querySelectorAll("dl > div")) {
      values.set(pair.firstChild.textContent, pair.lastChild.textContent);
    }
    return { card, values, state: card.dataset.state, text: card.textContent.toLowerCase() };
  }

  // A choice for each value that only a few rows differ in.
  function madeFacets() {
    const found = new Map();
    for (const { values } of rows) {
      for (const [name, value] of values) {
        if (!found.has(name)) found.set(name, new Set());
        if (found.get(name).size <= MOST_CHOICES) found.get(name).add(value);
      }
    }
    return [...found].filter(([, values]) => values.size > 1 && values.size <= MOST_CHOICES).map(madeFacet);
  }

  function madeFacet([name, values]) {
    const label = document.createElement("label"), title = document.createElement("span");
    const select = document.createElement("select");
    title.textContent = name;
    select.append(new Option("any", ""));
    for (const value of [...values].sort(compare)) {
      select.append(new Option(value.length > 60 ? value.slice(0, 59) + "…" : value, "=" + value));
    }
    label.append(title, select);
    byId("facets").append(label);
    return { name, select };
  }

  function compare(one, other) {
    const a = number(one), b = number(other);
    return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other, undefined, { numeric: true }) : a - b;
  }

  function keyOf(row, key) {
    return key.startsWith("v.") ? row.values.get(key.slice(2)) ?? "" : row.card.dataset[key] ?? "";
  }

  function sortRows() {
    const key = sort.value, sign = down.checked ? -1 : 1;
    const keyed = rows.map((row, place) => ({ row, place, key: keyOf(row, key) }));
    keyed.sort((a, b) => {
      // Rows without the value come last, whichever way the others are sorted.
      if ((a.key === "") !== (b.key === "")) return a.key === "" ? 1 : -1;
      return sign * compare(a.key, b.key) || a.place - b.place;
    });
    grid.replaceChildren(...keyed.map(({ row }) => row.card));
  }

  function filterRows() {
    const state = chosenState(), words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = facets.filter(({ select }) => select.value);
    let count = 0;
    for (const row of rows) {
      const fits = (!state || row.state === state) && words.every((word) => row.text.includes(word))
        && wanted.every(({ name, select }) => row.values.get(name) === select.value.slice(1));
      row.card.hidden = !fits;
      count += fits;
    }
    byId("count").textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
    byId("nothing").hidden = count > 0;
  }

  const chosenState = () => states.find((each) => each.checked)?.value ?? "";

  function remember() {
    const chosen = new URLSearchParams();
    if (chosenState()) chosen.set("state", chosenState());
    if (search.value) chosen.set("q", search.value);
    if (sort.selectedIndex > 0) chosen.set("sort", sort.value);
    if (down.checked) chosen.set("down", "1");
    for (const { name, select } of facets) if (select.value) chosen.set("v." + name, select.value.slice(1));
    history.replaceState(null, "", "#" + chosen);
  }

  function recall() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    const state = chosen.get("state") ?? "";
    for (const each of states) each.checked = each.value === state;
    search.value = chosen.get("q") ?? "";
    sort.value = chosen.get("sort") ?? "row";
    if (sort.selectedIndex < 0) sort.selectedIndex = 0;
    down.checked = chosen.has("down");
    for (const { name, select } of facets) {
      select.value = chosen.has("v." + name) ? "=" + chosen.get("v." + name) : "";
    }
    sortRows();
    filterRows();
  }

  tools.addEventListener("input", (event) => {
    if (event.target.id === "size") {
      grid.style.setProperty("--card", `${event.target.value}px`);
      return;
    }
    if (event.target === sort || event.target === down) sortRows();
    filterRows();
    remember();
  });
  tools.addEventListener("submit", (event) => event.preventDefault());
  // A link to a row shows it, whatever was filtered; any other address is a view.
  addEventListener("hashchange", () => {
    const card = location.hash.startsWith("#row-") && byId(location.hash.slice(1));
    if (card) card.hidden = false;
    else recall();
    card?.scrollIntoView?.({ block: "center" });
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    search.focus();
  });
  tools.hidden = false;
  if (location.hash.startsWith("#row-")) filterRows();
  else recall();
})();
