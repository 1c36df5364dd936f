/** The variables that hold a libSQL server's token; the first that is set counts. */
export const tokenVariables = ["HARBOR_DB_AUTH_TOKEN", "LIBSQL_AUTH_TOKEN", "TURSO_AUTH_TOKEN"] as const;

/** All variables that hold what gets into a database and is never printed. An address may hold a secret too. */
export const keyVariables = [...tokenVariables, "PGPASSWORD"] as const;

/** The variables that hold what opens a bucket. */
export const bucketKeyVariables = ["HARBOR_DB_S3_", "AWS_"].flatMap((family) =>
  ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"].map((name) => `${family}${name}`)
);
