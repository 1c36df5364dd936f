/** The SQL dialects that scripts are written in. A libSQL server speaks `sqlite`. */
export type Dialect = typeof dialects[number];

/** All of them. What differs between them is a `Record<Dialect, …>`, so that a new one shows wherever it has to. */
export const dialects = ["sqlite", "postgresql"] as const;

/** What drizzle-kit's versions call them. */
const kitNames: Readonly<Record<string, Dialect>> = {
  sqlite: "sqlite",
  turso: "sqlite",
  postgresql: "postgresql",
  postgres: "postgresql",
  pg: "postgresql",
};

/** Returns the dialect that drizzle-kit calls so; `undefined` for one that harbor-db has no engine for. */
export function dialectNamed(name: string): Dialect | undefined {
  return Object.hasOwn(kitNames, name) ? kitNames[name] : undefined;
}
