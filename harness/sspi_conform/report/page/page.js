// SPDX-License-Identifier: Apache-2.0
// Draws the sections and leads to their parts.

for (const section of data("content").sections) {
  document.getElementById(section.name).append(...draw(section.blocks));
}

// Anchors of sections only scroll: what stands behind the # of the address are the case and the filters.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  const section = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!section || !section.matches("section")) return;
  event.preventDefault();
  section.scrollIntoView();
  section.focus({preventScroll: true});
});
