import type postgres from "postgres";

/**
 * Whether the server itself said so. Known by its fields, and not by its class, because postgres.js is loaded while
 * the server makes a process for us.
 */
export function isServerError(error: unknown): error is postgres.PostgresError {
  return error instanceof Error && "severity_local" in error;
}
