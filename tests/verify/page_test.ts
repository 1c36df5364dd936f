import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { renderReportPage, type ReportData } from "../../src/verify/page/page.ts";
import { type Page, withPage } from "../support/servers/chromium.ts";
import { withFolder } from "../support/databases.ts";
import {
  alembicRevisions,
  healthyReport,
  hostile,
  problemsReport,
  sampleReport,
} from "../support/samples/report_sample.ts";

async function withReport(data: ReportData, work: (page: Page) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "report.html");
    await writeFile(path, renderReportPage(data));
    await withPage(pathToFileURL(path).href, work);
  });
}

/** Makes the page as wide as a device is, and says which colours its owner likes. */
async function show(page: Page, width: number, scheme: "light" | "dark"): Promise<void> {
  await page.send("Emulation.setDeviceMetricsOverride", {
    width,
    height: 900,
    deviceScaleFactor: 1,
    mobile: width < 500,
  });
  await page.send("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: scheme }],
  });
}

/**
 * Lists texts that can hardly be read: with less contrast to what is behind them than 4.5 to 1 (3 to 1 where they are
 * large). Source: https://www.w3.org/TR/WCAG22/#contrast-minimum
 */
const faintTexts = `(() => {
  const channels = (colour) => { const c = colour.match(/[\\d.]+/g).map(Number); return { rgb: c.slice(0, 3), a: c[3] ?? 1 }; };
  const mix = (front, back) => ({ rgb: front.rgb.map((v, i) => v * front.a + back.rgb[i] * (1 - front.a)), a: 1 });
  const light = ({ rgb }) => { const [r, g, b] = rgb.map((v) => { const s = v / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (element) => {
    if (element === null) return { rgb: [255, 255, 255], a: 1 };
    const style = getComputedStyle(element);
    const gradient = style.backgroundImage.match(/rgba?\\([^)]*\\)/g);
    // Of a gradient the end that differs less from white text.
    if (gradient) return channels(gradient.at(-1));
    const own = channels(style.backgroundColor);
    return own.a === 1 ? own : mix(own, behind(element.parentElement));
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(" ").trim();
    if (text === "" || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    let opacity = 1;
    for (let each = element; each; each = each.parentElement) opacity *= Number(getComputedStyle(each).opacity);
    const back = behind(element);
    const colour = channels(style.color);
    const front = mix({ rgb: colour.rgb, a: colour.a * opacity }, back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < needed) faint.push(contrast.toFixed(2) + " " + element.tagName + "." + element.className + " " + text.slice(0, 40));
  }
  return faint;
})()`;

/** Lists elements that reach out of the window to the right. */
const tooWide =
  `[...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5).map((each) => each.tagName + "." + each.className + " " + each.textContent.slice(0, 30))`;

for (const scheme of ["light", "dark"] as const) {
  for (const [device, width] of [["a phone", 360], ["a desktop", 1280]] as const) {
    test(`the report fits ${device} and can be read (${scheme})`, () =>
      withReport(sampleReport(), async (page) => {
        await show(page, width, scheme);
        assert.deepEqual(await page.evaluate(tooWide), []);
        assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
        assert.deepEqual(await page.evaluate(faintTexts), []);
        const paper = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
        const [brightness = 0] = paper.match(/\d+/g)!.map(Number);
        assert.equal(brightness > 128, scheme === "light");
      }));
  }
}

test("the report needs no script, no network and nothing beside it, and runs nothing that was in the data", () =>
  withReport(sampleReport(), async (page) => {
    assert.deepEqual(page.requests.filter((url) => !url.endsWith("/report.html")), []);
    assert.deepEqual(page.complaints, []);
    assert.equal(
      await page.evaluate(
        "document.querySelectorAll('script, img, link, iframe, [onerror], [onmouseover]').length",
      ),
      0,
    );
    assert.match(await page.evaluate<string>("document.title"), /^Needs attention/);
    const texts = await page.evaluate<readonly string[]>(
      "[...document.querySelectorAll('.message')].map((each) => each.textContent)",
    );
    assert.deepEqual(
      texts.map((text) => text.startsWith(hostile)),
      [true, true, true],
      "what was hostile is shown as it is",
    );
  }));

test("the report says at a glance how it stands, what to do, and opens its details without a script", () =>
  withReport(sampleReport(), async (page) => {
    await show(page, 1280, "light");
    assert.equal(await page.evaluate("document.querySelector('h1').textContent"), "Something is wrong");
    assert.equal(
      await page.evaluate("document.querySelector('h1').getBoundingClientRect().bottom < 300"),
      true,
    );
    assert.equal(await page.evaluate("document.querySelectorAll('.finding .remedy').length"), 3);
    // The worst comes first.
    assert.match(await page.evaluate<string>("document.querySelector('.finding').className"), /fail/);
    const details = "document.querySelector('.finding details')";
    assert.equal(await page.evaluate(`${details}.querySelector('pre').checkVisibility()`), false);
    const spot = await page.evaluate<{ x: number; y: number }>(
      `(() => { const summary = ${details}.querySelector('summary'); summary.scrollIntoView({ block: "center" }); const box = summary.getBoundingClientRect(); return { x: box.x + 10, y: box.y + box.height / 2 }; })()`,
    );
    for (const type of ["mousePressed", "mouseReleased"]) {
      await page.send("Input.dispatchMouseEvent", { type, ...spot, button: "left", clickCount: 1 });
    }
    assert.equal(await page.evaluate(`${details}.open`), true);
  }));

test("the bars are as long as their share, and signs differ without colour", () =>
  withReport(sampleReport(), async (page) => {
    await show(page, 1280, "light");
    const widths = await page.evaluate<readonly number[]>(
      "[...document.querySelectorAll('.bar.rows b')].map((bar) => bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width)",
    );
    assert.deepEqual(
      widths.map((width) => width === 0 ? "none" : width < 0.02 ? "little" : width > 0.98 ? "all" : "some"),
      ["all", "little", "none"],
    );
    const shapes = await page.evaluate<readonly string[]>(
      "[...new Set([...document.querySelectorAll('.finding svg, .card svg')].map((svg) => svg.innerHTML))]",
    );
    assert.equal(shapes.length, 4);
  }));

test("what needs attention stands before the checks, once for all checks that found it", () =>
  withReport(problemsReport(), async (page) => {
    await show(page, 360, "light");
    assert.deepEqual(
      await page.evaluate("[...document.querySelectorAll('h2')].map((each) => each.firstChild.data.trim())"),
      ["Needs attention: 4 findings", "Checks", "Backups"],
    );
    assert.equal(
      await page.evaluate("document.querySelector('.finding').getBoundingClientRect().top < 560"),
      true,
    );
    assert.deepEqual(
      await page.evaluate("[...document.querySelectorAll('.tag')].map((each) => each.textContent)"),
      ["backup · failed", "history, schema, data · not checked"],
    );
    assert.deepEqual(
      await page.evaluate(
        "[...document.querySelectorAll('.remedy code, .remedy pre')].map((each) => each.tagName + ' ' + each.textContent)",
      ),
      ["CODE harbor-db backup", "CODE --skip backup", "PRE harbor-db upgrade"],
    );
  }));

/** Returns the texts of elements that have a class, without a browser. */
function textsOf(data: ReportData, element: RegExp): readonly string[] {
  const flat = renderReportPage(data).replace(/\s+/g, " ");
  return [...flat.matchAll(element)].map(([, inner = ""]) =>
    inner.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim()
  );
}

test("the report says where the database is, how old what was, and that there is no backup", () => {
  assert.deepEqual(textsOf(problemsReport(), /<p class="address">(.*?)<\/p>/g), [
    "/srv/openharbor.db on web1",
  ]);
  assert.deepEqual(textsOf(problemsReport(), /<dd>(.*?)<\/dd>/g), [
    "22 Nov 2025, 03:15 UTC took 12 s",
    "312 MB 3.0 GB of 20 GB free",
    "NONE",
    "900 GB of 1.0 TB free",
  ]);
  const none = /<p class="list none">(.*?)<\/p>/g;
  assert.deepEqual(textsOf(problemsReport(), none), [
    "NONE There is no backup of this database in /srv/backups",
  ]);
  const empty = { ...healthyReport(), backups: [] };
  assert.deepEqual(textsOf(empty, none), ["There is no backup of this database in /srv/backups"]);
  assert.equal(textsOf(empty, /<dd>(.*?)<\/dd>/g).includes("none"), true);
  assert.deepEqual(textsOf({ ...healthyReport(), backups: null }, none), [
    "It is not known what there is of this database in /srv/backups",
  ]);
  assert.match(
    textsOf(healthyReport(), /<ul class="list backups">(.*?)<\/li>/g)[0]!,
    /^22 Nov 2025, 01:00 UTC 2 h 15 min before the check/,
  );
  assert.deepEqual(
    textsOf({ ...healthyReport(), revisions: alembicRevisions() }, /<p class="when">(.*?)<\/p>/g),
    [
      "applied by Alembic, nobody knows when, on record since 3 Oct 2025, 10:00 UTC",
    ],
  );
});

test("the report turns no letters round, and holds nothing that a page may not", () => {
  const { database } = healthyReport();
  const data = {
    ...healthyReport(),
    database: { ...database, address: "/srv/a\u202egpj\u001b[31m\r\u2028.db" },
  };
  assert.deepEqual(textsOf(data, /<p class="address">(.*?)<\/p>/g), [
    "/srv/a\\u202egpj\\x1b[31m\\x0d\\u2028.db on web1",
  ]);
});

test("runs that came to the same stand in one line", () => {
  const runs = sampleReport().runs.slice(0, 6);
  assert.deepEqual(
    textsOf({ ...healthyReport(), runs }, /<ol class="list runs">(.*?)<\/ol>/g)[0]!.match(
      /and \d runs? before it, since [^U]*UTC/g,
    ),
    ["and 2 runs before it, since 1 Oct 2025, 03:15 UTC"],
  );
});

test("a healthy report is printed on one sheet", () =>
  withReport(healthyReport(), async (page) => {
    for (const [paperWidth, paperHeight] of [[8.27, 11.69], [8.5, 11]]) {
      const { data } = await page.send("Page.printToPDF", { paperWidth, paperHeight });
      const pdf = Buffer.from(String(data), "base64").toString("latin1");
      assert.equal((pdf.match(/\/Type \/Page\b/g) ?? []).length, 1);
    }
  }));

test("on paper the report is black on white, in one piece, with its bars", () =>
  withReport(sampleReport(), async (page) => {
    await page.send("Emulation.setEmulatedMedia", {
      media: "print",
      features: [{ name: "prefers-color-scheme", value: "dark" }],
    });
    const colours = await page.evaluate<readonly string[]>(
      `[...new Set([...document.querySelectorAll("body, body *")].filter((each) => each.checkVisibility()).flatMap((each) => { const style = getComputedStyle(each); return [style.color, style.backgroundColor, style.borderLeftWidth === "0px" ? style.color : style.borderLeftColor]; }))]`,
    );
    for (const colour of colours) {
      const [r, g, b, a = 1] = colour.match(/[\d.]+/g)!.map(Number);
      assert.ok(a === 0 || (r === g && g === b), `${colour} is no grey`);
    }
    const { data } = await page.send("Page.printToPDF");
    const pdf = Buffer.from(String(data), "base64").toString("latin1");
    assert.ok(pdf.startsWith("%PDF-"));
    assert.ok((pdf.match(/\/Type \/Page\b/g) ?? []).length < 12);
  }));

test("the report of what was not wholly checked does not say that all is well", () => {
  const partial = renderReportPage({ ...healthyReport(), notChecked: ["backup"] });
  assert.equal(partial.match(/[Hh]ealthy as far as it was checked/g)?.length, 2);
  assert.doesNotMatch(partial, /All is well|class="hero pass"/);
});

test("the report of a healthy database is short and says so", () =>
  withReport({ ...healthyReport(), checks: [], runs: [], tables: [], revisions: [] }, async (page) => {
    assert.equal(await page.evaluate("document.querySelector('h1').textContent"), "All is well");
    assert.deepEqual(
      await page.evaluate("[...document.querySelectorAll('h2')].map((each) => each.textContent)"),
      ["Backups"],
    );
    assert.equal(await page.evaluate("document.title"), "Healthy · /srv/openharbor.db on web1");
  }));
