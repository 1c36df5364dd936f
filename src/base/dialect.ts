/** The SQL dialects that scripts are written in. A libSQL server speaks `sqlite`. */
export type Dialect = typeof dialects[number];

/** All of them. What differs between them is a `Record<Dialect, …>`, so that a new one shows wherever it has to. */
export const dialects = ["sqlite", "postgresql"] as const;
