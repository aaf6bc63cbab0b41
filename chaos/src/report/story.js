for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = [...document.querySelectorAll(".trace tbody tr")];
  input.parentElement.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const causes = new Set();
    const number = wanted.match(/^<(\d+)$/);
    for (let row = number && document.getElementById("e" + number[1]); row && !causes.has(row);
      row = document.getElementById("e" + row.dataset.cause)) {
      causes.add(row);
    }
    for (const row of rows) {
      row.hidden = number ? !causes.has(row) : !row.textContent.toLowerCase().includes(wanted);
    }
  });
}
