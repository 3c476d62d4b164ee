/** Readers of the files in which a kernel says how memory is used. They take text and give plain data. */
export * from "./bufinfo.js";
export * from "./fdinfo.js";
export * from "./fields.js";
export * from "./maps.js";
export * from "./pagemap.js";
export * from "./smaps.js";
