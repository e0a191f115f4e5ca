/** The outlines of the built-in data set, as signed distances: negative inside, in units of the shape's radius. */

/** Signed distance from (x, y) to an outline that lies within the unit circle. */
export type Outline = (x: number, y: number) => number;

/** Distance to a polygon; vertices as x, y in turn, in either direction. Inside is where a ray crosses the edges an odd number of times. */
function polygon(...vertices: readonly number[]): Outline {
  const points = Float64Array.from(vertices);
  const edges = points.length / 2;
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    let inside = false;
    for (let i = 0, j = edges - 1; i < edges; j = i++) {
      const ax = points[2 * i]!;
      const ay = points[2 * i + 1]!;
      const bx = points[2 * j]!;
      const by = points[2 * j + 1]!;
      const ex = bx - ax;
      const ey = by - ay;
      const px = x - ax;
      const py = y - ay;
      const share = (px * ex + py * ey) / (ex * ex + ey * ey);
      const along = Math.max(0, Math.min(1, share));
      const dx = px - ex * along;
      const dy = py - ey * along;
      const squared = dx * dx + dy * dy;
      if (squared < nearest) nearest = squared;
      if (ay > y !== by > y && px < (ex * py) / ey) inside = !inside;
    }
    return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
  };
}

/** A star's vertices: points on two circles in turn. */
function starVertices(points: number, inner: number): number[] {
  return Array.from({ length: 2 * points }, (_, i) => {
    const radius = i % 2 === 0 ? 1 : inner;
    const angle = (Math.PI * i) / points;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  }).flat();
}

function circle(radius: number): Outline {
  return (x, y) => Math.sqrt(x * x + y * y) - radius;
}

/** First-order distance: the level set's value over the length of its gradient. */
function ellipse(rx: number, ry: number): Outline {
  return (x, y) => {
    const value = Math.sqrt((x / rx) ** 2 + (y / ry) ** 2);
    const slope = Math.sqrt((x / (rx * rx)) ** 2 + (y / (ry * ry)) ** 2);
    return slope === 0 ? -Math.min(rx, ry) : (value * (value - 1)) / slope;
  };
}

/** A disc without another disc. */
function crescent(): Outline {
  return (x, y) => {
    const dx = x + 0.12;
    const cut = Math.sqrt((dx - 0.56) ** 2 + y * y) - 0.66;
    return Math.max(Math.sqrt(dx * dx + y * y) - 0.86, -cut);
  };
}

/** A square on its corner with a half disc on each of its two upper sides. */
function heart(): Outline {
  return (signedX, y) => {
    const x = Math.abs(signedX) * 0.65;
    const up = 0.52 - y * 0.65;
    if (x + up > 1) return (Math.sqrt((x - 0.25) ** 2 + (up - 0.75) ** 2) - Math.SQRT2 / 4) / 0.65;
    const along = Math.max(x + up, 0) / 2;
    const squared = Math.min(x * x + (up - 1) ** 2, (x - along) ** 2 + (up - along) ** 2);
    return (Math.sqrt(squared) * Math.sign(x - up)) / 0.65;
  };
}

/** A disc and a point, and the tangents from the one to the other. */
function drop(): Outline {
  const radius = 0.58;
  const height = 1.38;
  const sine = radius / height;
  const cosine = Math.sqrt(1 - sine * sine);
  return (signedX, signedY) => {
    const x = Math.abs(signedX);
    const y = 0.42 - signedY;
    const along = -sine * x + cosine * y;
    if (along < 0) return Math.sqrt(x * x + y * y) - radius;
    if (along > cosine * height) return Math.sqrt(x * x + (y - height) ** 2);
    return cosine * x + sine * y - radius;
  };
}

/** The classes of the data set, in label order, and their outlines. */
export const outlines: Readonly<Record<string, Outline>> = {
  circle: circle(0.9),
  ellipse: ellipse(1, 0.48),
  triangle: polygon(...starVertices(3, 0.5)),
  square: polygon(-0.75, -0.75, 0.75, -0.75, 0.75, 0.75, -0.75, 0.75),
  // biome-ignore format: one vertex after another
  cross: polygon(-0.3, -0.95, 0.3, -0.95, 0.3, -0.3, 0.95, -0.3, 0.95, 0.3, 0.3, 0.3, 0.3, 0.95, -0.3, 0.95, -0.3, 0.3, -0.95, 0.3, -0.95, -0.3, -0.3, -0.3),
  star: polygon(...starVertices(5, 0.42)),
  heart: heart(),
  arrow: polygon(0, -1, 0.75, -0.1, 0.28, -0.1, 0.28, 0.95, -0.28, 0.95, -0.28, -0.1, -0.75, -0.1),
  crescent: crescent(),
  drop: drop(),
};
