// Headless Chromium, driven line by line: {"do": NAME, ...} on standard input, {"ok": value} or {"error": text} back.
// Started by vscode.py and chromium.py with the folder that holds playwright-core, and the browser's path.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [modules, executablePath, width, height] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext({ viewport: { width: Number(width), height: Number(height) } });
await context.grantPermissions(['clipboard-read', 'clipboard-write']);
const page = await context.newPage();
const complaints = [];
page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
page.on('pageerror', (error) => complaints.push(String(error)));

const actions = {
  open: ({ url }) => page.goto(url, { waitUntil: 'domcontentloaded', timeout: 120000 }).then(() => null),
  press: ({ key }) => page.keyboard.press(key).then(() => null),
  type: ({ text, delay }) => page.keyboard.type(text, { delay }).then(() => null),
  insert: ({ text }) => page.keyboard.insertText(text).then(() => null),
  click: ({ selector }) => page.locator(selector).first().click({ timeout: 40000 }).then(() => null),
  hover: ({ selector }) => page.locator(selector).first().hover({ timeout: 40000 }).then(() => null),
  complaints: () => complaints,
  look: ({ width, height, scheme }) => page.setViewportSize({ width, height }).then(() => page.emulateMedia({ colorScheme: scheme })).then(() => null),
  evaluate: ({ script }) => page.evaluate(script),
  // in the frame, of those within frames, that has such an element; null while none has
  inner: async ({ selector, script }) => {
    for (const frame of page.frames()) {
      if (await frame.evaluate((one) => document.querySelector(one) !== null, selector).catch(() => false)) return frame.evaluate(script);
    }
    return null;
  },
  screenshot: ({ path }) => page.screenshot({ path }).then(() => null),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { ok: (await actions[request.do](request)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
