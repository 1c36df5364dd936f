import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDrizzleConfig } from "../../src/history/drizzle_config.ts";

// One row a config: what it shows, its text, what is read of it (`null` where only running it would tell).
const configs: readonly (readonly [string, string, Record<string, unknown>])[] = [
  [
    "an exported object",
    `export default { out: "./m", schema: './s.ts', dialect: "turso" } satisfies Config;`,
    {
      out: "./m",
      schema: "./s.ts",
      dialect: "sqlite",
    },
  ],
  ["defineConfig", "export default defineConfig({\n  casing: `snake_case`,\n  dialect: 'postgresql',\n});", {
    casing: "snake_case",
    dialect: "postgresql",
  }],
  ["JSON", `{ "out": "m", "schema": "s.ts", "dialect": "sqlite" }`, {
    out: "m",
    schema: "s.ts",
    dialect: "sqlite",
  }],
  ["comments", `export default { // out: "no",\n out: "a//b", /* schema: "no", */ }`, { out: "a//b" }],
  [
    "objects in it",
    `export default { migrations: { table: "t", schema: "app" }, introspect: { casing: "camel" }, out: "m" }`,
    { out: "m" },
  ],
  ["what is computed", "export default { out: join(here, 'm'), schema, dialect: env.D }", {
    out: null,
    schema: null,
  }],
  ["a template with a hole", "export default { out: `${here}/m` }", { out: null }],
  ["several files", `export default { schema: ["./a.ts", './b/*.ts',], out: "m" }`, {
    schema: ["./a.ts", "./b/*.ts"],
    out: "m",
  }],
  ["several files, of which one is computed", `export default { schema: ["./a.ts", here + "b.ts"] }`, {
    schema: null,
  }],
  ["several files, said twice", `const a = { schema: ["a.ts"] }; export default { schema: ["b.ts"] }`, {
    schema: null,
  }],
  [
    "one of two objects",
    `const prod = { out: "./p", schema: "./s.ts" };
     export default prod.x ? defineConfig({ out: "./m", schema: "./s.ts", dialect: "sqlite" }) : defineConfig({ dialect: "postgresql" })`,
    { out: null, schema: "./s.ts" },
  ],
  ["a name that stands for itself and another", `export default { schema, schema: "./s.ts" }`, {
    schema: null,
  }],
  ["another dialect", `export default { dialect: "mysql" }`, {}],
];
for (const [what, text, expected] of configs) {
  test(`parseDrizzleConfig() reads ${what}`, () => {
    const said = Object.entries(parseDrizzleConfig(text)).filter(([, value]) => value !== undefined);
    assert.deepEqual(Object.fromEntries(said), expected);
  });
}
