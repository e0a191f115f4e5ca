export { type GradOptions, grad } from "./gradient.ts";
