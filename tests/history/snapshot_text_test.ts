import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeDrizzleSnapshot } from "../../src/schema/drizzle_snapshot.ts";
import { readKitSnapshot } from "../../src/schema/kit_snapshot.ts";
import { snapshotReader } from "../../src/history/snapshot_text.ts";

const wrong = (_: string, state: string) => new Error(state);

const table = (name: string, ...columns: readonly (readonly [string, string])[]) => ({
  name,
  schema: "",
  columns: Object.fromEntries(
    columns.map(([name, type]) => [name, { name, type, primaryKey: false, notNull: true }]),
  ),
});

const schema = (...tables: readonly ReturnType<typeof table>[]) => ({
  id: "2",
  prevId: "1",
  version: "7",
  dialect: "postgresql",
  tables: Object.fromEntries(tables.map((each) => [`public.${each.name}`, each])),
  enums: { "public.mood": { name: "mood", schema: "public", values: ["ok"] } },
  views: {},
});

const boats = table("boats", ["id", "integer"], ["mood", "mood"]);
const ports = table("ports", ["id", "integer"]);
const plain = JSON.stringify(schema(boats, ports), null, 2);

// Whatever a text is, it is read as JSON.parse reads it.
const texts: Readonly<Record<string, string>> = {
  "as drizzle-kit writes it": plain,
  "with tabs": JSON.stringify(schema(boats, ports), null, "\t"),
  "with four blanks": JSON.stringify(schema(boats, ports), null, 4),
  "with CRLF": plain.replaceAll("\n", "\r\n"),
  "in one line": JSON.stringify(schema(boats, ports)),
  "with one table": JSON.stringify(schema(boats), null, 2),
  "without a table": JSON.stringify(schema(), null, 2),
  "with tables that are a list": JSON.stringify({ ...schema(), tables: [boats] }, null, 2),
  "with tables of texts": JSON.stringify({ ...schema(), tables: { a: "x", b: "y" } }, null, 2),
  "without tables": `{\n  "id": "2"\n}`,
  "with tables further down only": JSON.stringify([schema(boats, ports)], null, 2),
  "with tables twice": plain.replace('\n  "enums"', '\n  "tables": {},\n  "enums"'),
  "with tables before its tables": plain.replace("{", '{\n  "tables": {\n    "x": {\n    }\n  },'),
  "with a table twice": plain.replace('"public.ports"', '"public.boats"'),
  "with a table called __proto__": plain.replace('"public.ports"', '"__proto__"'),
  "with a table called by a number": plain.replace('"public.ports"', '"7"'),
  "with names that look like its layout": plain.replaceAll("ports", String.raw`\n    },\n    \"x\": {`),
  "with a section called __proto__": plain.replace('"views"', '"__proto__"'),
  "with letters beyond Latin": plain.replaceAll("boats", "лодки ⛵"),
  "with a table that is closed elsewhere": plain.replace("\n    },\n", "\n },\n"),
};

for (const [layout, text] of Object.entries(texts)) {
  test(`a snapshot ${layout} is read as it is, the first time and again`, () => {
    const read = snapshotReader();
    for (const _ of [1, 2]) {
      assert.equal(JSON.stringify(read(text, wrong)), JSON.stringify(JSON.parse(text)));
    }
  });
}

test("a snapshot is read as it is whichever was read before it", () => {
  const read = snapshotReader();
  const more = table("a_crew", ["id", "integer"]);
  const other = table("ports", ["id", "bigint"]);
  const orders = [[boats, ports], [more, boats, ports], [ports, boats], [boats, other, more], [more], [], [
    boats,
  ]];
  for (const tables of [...orders, ...orders.toReversed()]) {
    for (const text of [2, 4, "\t"].map((indent) => JSON.stringify(schema(...tables), null, indent))) {
      assert.equal(JSON.stringify(read(text, wrong)), JSON.stringify(JSON.parse(text)));
    }
  }
});

const broken: Readonly<Record<string, string>> = {
  "ends early": plain.slice(0, -3),
  "lacks a comma between tables": plain.replace("\n    },\n", "\n    }\n"),
  "has the marks of a merge among its tables": plain.replace("\n    },\n", "\n    },\n<<<<<<< ours\n"),
  "has two tables in one's place": plain.replace("\n    },\n", "\n    },{},\n"),
  "has a line's end in a name": plain.replaceAll("ports", "po\n    },\nrts"),
  "has something behind its end": `${plain}}`,
};

for (const [state, text] of Object.entries(broken)) {
  test(`a snapshot that ${state} is refused in the words of the parser`, () => {
    let words = "";
    try {
      JSON.parse(text);
    } catch (error) {
      words = (error as Error).message;
    }
    const read = snapshotReader();
    read(plain, wrong);
    assert.notEqual(words, "");
    assert.throws(() => read(text, wrong), { message: `is no JSON (${words})` });
  });
}

test("a table with the same text is read, looked at and brought to normal form once", () => {
  const read = snapshotReader();
  const [first, second, third] = [
    schema(boats, ports),
    schema(boats, table("ports", ["id", "bigint"])),
    { ...schema(boats), enums: { "public.mood": { name: "mood", schema: "public", values: ["ok", "sad"] } } },
  ].map((each) => {
    const json = read(JSON.stringify(each, null, 2), wrong);
    const kit = readKitSnapshot({ path: "snapshot", json });
    return { kit, normal: normalizeDrizzleSnapshot(kit) };
  });
  assert.equal(first!.kit.tables["public.boats"], second!.kit.tables["public.boats"]);
  assert.equal(first!.normal.tables[0], second!.normal.tables[0]);
  assert.equal(first!.normal.tables[1]?.columns[0]?.type, "integer");
  assert.equal(second!.normal.tables[1]?.columns[0]?.type, "bigint");
  // What a table is made of elsewhere counts, too.
  assert.deepEqual(first!.normal.tables[0]?.columns[1]?.values, ["ok"]);
  assert.deepEqual(third!.normal.tables[0]?.columns[1]?.values, ["ok", "sad"]);
});

test("a table that is wrong is refused also where those beside it are known", () => {
  const read = snapshotReader();
  const kit = (each: unknown) =>
    readKitSnapshot({ path: "snapshot", json: read(JSON.stringify(each, null, 2), wrong) });
  kit(schema(boats, ports));
  const bad = { ...schema(boats), tables: { "public.boats": boats, "public.x": { name: 7, columns: {} } } };
  for (const _ of [1, 2]) {
    assert.throws(() => kit(bad), { code: "bad_history", state: "tables.public.x.name is no text" });
  }
});
