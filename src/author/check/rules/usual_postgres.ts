/** The PostgreSQL version that hazards are judged for when nothing is said. */
export const usualPostgres = 15;
