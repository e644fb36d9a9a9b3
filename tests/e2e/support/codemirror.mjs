// Drives CodeMirror 6 in a page without a browser: node codemirror.mjs BUNDLE URI FILE COMMAND...
// COMMAND is a language server; its messages are handed on between its pipes and the page, as a bridge would. A JSON line in
// is one thing to do, a JSON line out what came of it.
import {spawn} from "node:child_process"
import {readFileSync} from "node:fs"
import {createRequire} from "node:module"
import {createInterface} from "node:readline"

const [bundle, uri, file, ...command] = process.argv.slice(2)
const {JSDOM} = createRequire(bundle)("jsdom")
const page = new JSDOM("<!doctype html><body></body>", {pretendToBeVisual: true})
const {window} = page
for (const name of ["window", "document", "MutationObserver", "HTMLElement", "Node", "requestAnimationFrame", "cancelAnimationFrame",
  "getComputedStyle", "Range", "KeyboardEvent", "DOMParser"]) globalThis[name] = name == "window" ? window : window[name]
Object.defineProperty(globalThis, "navigator", {value: window.navigator, configurable: true})
const nowhere = {left: 0, right: 0, top: 0, bottom: 0, width: 0, height: 0}
window.Range.prototype.getClientRects = () => [nowhere]
window.Range.prototype.getBoundingClientRect = () => nowhere

const server = spawn(command[0], command.slice(1), {stdio: ["pipe", "pipe", "inherit"]})
const listeners = new Set()
let data = Buffer.alloc(0)
server.stdout.on("data", chunk => {
  data = Buffer.concat([data, chunk])
  for (;;) {
    const end = data.indexOf("\r\n\r\n")
    if (end < 0) return
    const length = Number(/Content-Length: (\d+)/i.exec(data.subarray(0, end).toString())[1])
    if (data.length < end + 4 + length) return
    const body = data.subarray(end + 4, end + 4 + length).toString()
    data = data.subarray(end + 4 + length)
    for (const listener of listeners) listener(body)
  }
})
const transport = {
  send: body => server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
  subscribe: listener => listeners.add(listener),
  unsubscribe: listener => listeners.delete(listener),
}

const {editor} = createRequire(bundle)(bundle)
const view = editor(window.document.body, transport, uri, readFileSync(file, "utf8"))

const doing = {
  text: () => view.state.doc.toString(),
  // What a key does to the text, and then what stands in the list, as a person reads it.
  type: ({text}) => { for (const letter of text) {
    const at = view.state.selection.main.head
    view.dispatch({changes: {from: at, insert: letter}, selection: {anchor: at + letter.length}, userEvent: "input.type"})
  } },
  press: ({key}) => {
    const event = new window.KeyboardEvent("keydown", {key, code: key, bubbles: true, cancelable: true})
    view.contentDOM.dispatchEvent(event)
  },
  caret: ({at}) => view.dispatch({selection: {anchor: at}}),
  list: () => [...window.document.querySelectorAll(".cm-tooltip-autocomplete li")].map(entry => entry.textContent),
}
createInterface({input: process.stdin}).on("line", line => {
  const {name, ...rest} = JSON.parse(line)
  console.log(JSON.stringify(doing[name](rest) ?? null))
}).on("close", () => { server.stdin.end(); process.exit(0) })
