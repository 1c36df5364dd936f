/** The SQL dialects that scripts are written in. A libSQL server speaks `sqlite`. */
export type Dialect = "sqlite" | "postgresql";
