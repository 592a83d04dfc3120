// Tabs, as the ARIA practices have them: arrows go round, Home and End to the ends.

export const tabs = (list, chosen = () => {}) => {
  const all = [...list.querySelectorAll('[role="tab"]')];
  const choose = (tab) => {
    for (const other of all) {
      const isChosen = other === tab;
      other.setAttribute("aria-selected", String(isChosen));
      other.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(other.getAttribute("aria-controls"));
      // Some share one panel.
      if (isChosen) panel.setAttribute("aria-labelledby", tab.id);
      panel.hidden = panel.getAttribute("aria-labelledby") !== tab.id;
    }
    chosen(tab);
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = all.at(to % all.length);
    tab.focus();
    choose(tab);
  });
  return choose;
};
