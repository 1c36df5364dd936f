/** What is loaded when something may be done beside writers, which is seldom. */
export { clearAllBut } from "./mirror/clear_away.ts";
export { cut } from "./cut.ts";
export { staying } from "./staying.ts";
