// Elements made by code. What people type reaches the page as text and never as markup.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

// A group of buttons of which one is pressed; `choices` are [value, label].
export function choice(label, choices, value, changed) {
  const group = element("div", { class: "choice", role: "group", "aria-label": label });
  const press = (chosen) => {
    for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.value === chosen));
  };
  for (const [each, text] of choices) {
    const button = element("button", { type: "button", "data-value": each }, text);
    button.addEventListener("click", () => {
      press(each);
      changed(each);
    });
    group.append(button);
  }
  press(value);
  return group;
}
