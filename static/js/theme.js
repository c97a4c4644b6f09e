// Loaded before anything is drawn, so that a chosen theme never flashes in from the other one.
(() => {
  const root = document.documentElement;
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  let theme = "auto";
  try { theme = localStorage.getItem("theme") || "auto"; } catch { /* private mode */ }
  apply(theme);

  document.addEventListener("DOMContentLoaded", () => {
    for (const choice of document.querySelectorAll("[data-theme-choice]")) {
      choice.checked = choice.value === theme;
      choice.addEventListener("change", () => {
        try { localStorage.setItem("theme", choice.value); } catch { /* it lasts for this page */ }
        apply(choice.value);
      });
    }
    for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
  });
})();
