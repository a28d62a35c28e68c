// CodeMirror for a request body: JSON with its faults, and those of the schema, at their lines.
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { syntaxHighlighting, syntaxTree } from "@codemirror/language";
import { lintGutter, linter, setDiagnostics } from "@codemirror/lint";
import { EditorView } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { basicSetup } from "codemirror";

// Where the value of a JSON pointer stands in the text; the nearest one around it when it is not there.
export function placeOf(state, pointer) {
  const steps = pointer.split("/").slice(1).map((step) => step.replace(/~1/g, "/").replace(/~0/g, "~"));
  let node = syntaxTree(state).topNode.firstChild;
  for (const step of steps) {
    if (!node) break;
    let next = null;
    if (node.name === "Object") {
      for (let property = node.firstChild; property; property = property.nextSibling) {
        if (property.name !== "Property") continue;
        const name = property.getChild("PropertyName");
        if (name && JSON.parse(state.sliceDoc(name.from, name.to)) === step) next = property.lastChild;
      }
    } else if (node.name === "Array") {
      let index = 0;
      for (let item = node.firstChild; item; item = item.nextSibling) {
        if (["[", "]", "⚠", ","].includes(item.name)) continue;
        if (index === Number(step)) next = item;
        index += 1;
      }
    }
    if (!next) break;
    node = next;
  }
  return node ? { from: node.from, to: Math.min(node.to, state.doc.lineAt(node.from).to) } : { from: 0, to: 0 };
}

export class JsonEditor {
  constructor(parent, label, { check, changed }) {
    const parse = jsonParseLinter();
    const schema = (view) => {
      if (!view.state.doc.length) return [];
      const broken = parse(view);
      if (broken.length) return broken;
      return check(JSON.parse(view.state.doc.toString())).map(({ pointer, message }) => ({ ...placeOf(view.state, pointer), severity: "error", message }));
    };
    this.view = new EditorView({
      parent,
      extensions: [
        basicSetup,
        json(),
        syntaxHighlighting(classHighlighter),
        lintGutter(),
        linter(schema, { delay: 300 }),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorView.updateListener.of((update) => update.docChanged && changed()),
      ],
    });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  set text(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  mark(faults) {
    const found = faults.map(({ pointer, message }) => ({ ...placeOf(this.view.state, pointer), severity: "error", message }));
    this.view.dispatch(setDiagnostics(this.view.state, found));
  }
}
