// Code editors over plain text areas; the text area stays the form's field.
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { yaml } from "@codemirror/lang-yaml";
import { syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorView } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { basicSetup } from "codemirror";

const languages = { json: json(), python: python(), yaml: yaml(), text: [] };

for (const area of document.querySelectorAll("textarea[data-editor]")) {
  const label = area.labels?.[0]?.textContent.trim() || area.name;
  const view = new EditorView({
    doc: area.value,
    extensions: [
      basicSetup,
      languages[area.dataset.editor] ?? [],
      syntaxHighlighting(classHighlighter),
      ...(area.closest("form[data-manifest]") ? [lintGutter()] : []),
      EditorView.contentAttributes.of({ tabindex: "0", "aria-label": `${label}. ${document.getElementById("said").dataset.leave}` }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        area.value = view.state.doc.toString();
        area.dispatchEvent(new Event("input", { bubbles: true }));
      }),
    ],
  });
  // What a check of the whole form has found in this text: [{line, level, message}], lines from 1.
  area.addEventListener("diagnose", (event) => {
    const { doc } = view.state;
    const found = event.detail.map(({ line, level, message }) => {
      const { from, to } = doc.line(Math.min(Math.max(line ?? 1, 1), doc.lines));
      return { from, to, severity: level, message };
    });
    view.dispatch(setDiagnostics(view.state, found));
  });
  area.addEventListener("line", (event) => {
    const { from } = view.state.doc.line(Math.min(event.detail, view.state.doc.lines));
    view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    view.focus();
  });
  area.before(view.dom);
  area.classList.add("visually-hidden");
  area.tabIndex = -1;
  area.setAttribute("aria-hidden", "true");
  if (area.classList.contains("is-invalid")) view.dom.classList.add("is-invalid");
  area.addEventListener("invalid", () => view.focus());
  // "Start from a template" and files that were chosen write through the text area.
  area.addEventListener("set", (event) => {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: event.detail } });
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-template-for]");
  if (!button) return;
  const area = document.getElementById(button.dataset.templateFor);
  const text = document.getElementById(button.dataset.template).content.textContent.trimStart();
  area.value = text;
  area.dispatchEvent(new CustomEvent("set", { detail: text }));
});
