/** How the report looks: light, dark and on paper. */

/** The page's style sheet. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #faf9f6; --card: #ffffff; --ink: #1b1d22; --quiet: #5b606b; --rule: #e2dfd7; --soft: #f1efe9;
  --train: #ad4d05; --validation: #1d5bb8; --plain: #3d424d; --good: #24703f; --bad: #b3261e; --heat: #1d5bb8; --heat-bad: #b3261e; --on-heat: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131519; --card: #1a1d22; --ink: #e9e8e4; --quiet: #a2a8b4; --rule: #2f333b; --soft: #22262d;
    --train: #f0a265; --validation: #86b6ff; --plain: #c3c8d2; --good: #7ccb97; --bad: #ff9b91; --heat: #6fa6f7; --heat-bad: #f0857b; --on-heat: #10131a;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main, header, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 3rem; }
h1, h2 { font-family: ui-serif, "Iowan Old Style", Charter, Georgia, "Noto Serif", serif; font-weight: 600; line-height: 1.15; letter-spacing: -.01em; }
h1 { font-size: clamp(2rem, 5vw, 3rem); margin: .2rem 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.5rem; margin: 0 0 .35rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
p { margin: 0 0 .8rem; max-width: 46rem; }
a { color: var(--validation); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--validation); outline-offset: 2px; border-radius: 2px; }
section { margin: 3.25rem 0; scroll-margin-top: 1rem; }
.kicker { margin: 0; color: var(--quiet); font-size: .8rem; letter-spacing: .09em; text-transform: uppercase; }
.quiet { color: var(--quiet); }
.lead { font-size: 1.1rem; color: var(--quiet); }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; margin: 1.2rem 0 0; padding: .8rem 0; border-block: 1px solid var(--rule); font-size: .9rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin: 2rem 0 0; background: var(--rule); border: 1px solid var(--rule); border-radius: .6rem; overflow: hidden; }
.tiles div { background: var(--card); padding: 1rem 1.2rem 1.1rem; }
.tiles dt { color: var(--quiet); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.85rem; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.tiles dd small { display: block; font-size: .8rem; line-height: 1.4; letter-spacing: 0; color: var(--quiet); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.25rem; margin: 1rem 0 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; padding: 1rem 1.1rem; margin: 0; }
figure.card figcaption { margin-top: .6rem; font-size: .85rem; color: var(--quiet); }
svg { display: block; width: 100%; height: auto; overflow: visible; font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--quiet); } svg .mark { stroke: var(--quiet); stroke-dasharray: 3 4; }
svg .tick { fill: var(--quiet); font-variant-numeric: tabular-nums; } svg .name { font-weight: 600; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; } svg .faint { fill: none; stroke-width: 1; opacity: .38; }
svg path.train, svg circle.train { stroke: var(--train); } svg path.validation, svg circle.validation { stroke: var(--validation); } svg path.plain, svg circle.plain { stroke: var(--plain); }
svg .dot { fill: var(--card); stroke-width: 2; }
svg text.train { fill: var(--train); } svg text.validation { fill: var(--validation); } svg text.plain { fill: var(--plain); }
svg .bar { fill: var(--validation); opacity: .85; } svg .gap { fill: var(--bad); fill-opacity: .16; stroke: var(--bad); stroke-width: 1.2; } svg .count { fill: var(--quiet); opacity: .45; } svg .diagonal { stroke: var(--quiet); stroke-dasharray: 4 4; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 0 0 .8rem; font-variant-numeric: tabular-nums; font-size: .92rem; }
caption { text-align: left; color: var(--quiet); font-size: .85rem; padding: 0 0 .5rem; }
th { font-weight: 600; text-align: left; } thead th { color: var(--quiet); font-weight: 500; font-size: .82rem; vertical-align: bottom; }
td, th { padding: .32rem .8rem .32rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
tbody th { font-weight: 500; overflow-wrap: break-word; } td.n, th.n { text-align: right; white-space: nowrap; }
.wide { width: 100%; }
.share { display: inline-block; width: 4.5rem; height: .5rem; margin-left: .6rem; background: var(--soft); border-radius: .25rem; overflow: hidden; vertical-align: .08em; }
.share i { display: block; height: 100%; background: var(--validation); }
dl.settings { columns: 18rem; column-gap: 2.5rem; margin: 0; font-size: .9rem; }
dl.settings div { display: flex; justify-content: space-between; gap: 1rem; padding: .28rem 0; border-bottom: 1px solid var(--rule); break-inside: avoid; }
dl.settings dt { color: var(--quiet); } dl.settings dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem 2.5rem; align-items: start; }
.matrix { border-spacing: 2px; border-collapse: separate; font-size: .85rem; }
.matrix td, .matrix th { border: 0; padding: .3rem .5rem; }
.matrix td { text-align: center; min-width: 2.3rem; border-radius: .2rem; background: color-mix(in oklab, var(--heat) calc(var(--s) * 100%), var(--soft)); }
.matrix td.off { background: color-mix(in oklab, var(--heat-bad) calc(var(--s) * 100%), var(--soft)); }
.matrix td.strong, .matrix td.strong a { color: var(--on-heat); } .matrix .corner { visibility: hidden; } .matrix td.none { color: var(--quiet); }
.matrix td a { color: inherit; } .matrix thead th { vertical-align: bottom; text-align: center; color: var(--ink); font-size: .82rem; }
.matrix thead .turned { writing-mode: vertical-rl; rotate: 180deg; max-height: 9rem; display: inline-block; }
.matrix tbody th { text-align: right; white-space: nowrap; font-weight: 400; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1.25rem; margin-top: 1rem; }
.mistakes .pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; }
.mistakes .pair.alone { grid-template-columns: 1fr; max-width: 50%; }
.mistakes img { display: block; width: 100%; height: auto; border-radius: .3rem; background: var(--soft); } img.pixels { image-rendering: pixelated; }
.mistakes figcaption p { margin: 0 0 .15rem; }
.called { color: var(--bad); font-weight: 600; } .right { color: var(--good); font-weight: 600; }
.file { font-size: .78rem; color: var(--quiet); overflow-wrap: anywhere; }
.key { display: grid; grid-template-columns: auto 1fr auto; gap: .5rem; align-items: center; font-size: .75rem; color: var(--quiet); font-variant-numeric: tabular-nums; margin: .1rem 0 .3rem; }
.key i { height: .45rem; border-radius: .2rem; }
ol.steps { list-style: none; counter-reset: step; margin: 1rem 0 0; padding: 0; display: grid; gap: .8rem; }
ol.steps li { counter-increment: step; display: grid; grid-template-columns: 2.2rem 1fr; }
ol.steps li::before { content: counter(step); font: 600 1.3rem/1.2 ui-serif, Georgia, serif; color: var(--validation); }
ol.steps p { margin: 0; } ol.steps .quiet { font-size: .9rem; }
ul.plain { margin: 0 0 1rem; padding: 0 0 0 1.1rem; } ul.plain li { margin-bottom: .3rem; } .serious { color: var(--bad); font-weight: 600; }
details { margin: 1rem 0 0; } summary { cursor: pointer; color: var(--validation); }
details[open] > summary { margin-bottom: .6rem; }
:target { background: color-mix(in oklab, var(--validation) 14%, transparent); }
footer { padding-block: 1.2rem 3rem; border-top: 1px solid var(--rule); color: var(--quiet); font-size: .85rem; }
@media (max-width: 40rem) {
  main, header, footer { padding-inline: 1rem; } header { padding-top: 1.5rem; } section { margin: 2.5rem 0; }
  .tiles { grid-template-columns: 1fr 1fr; } .tiles div:last-child:nth-child(odd) { grid-column: 1 / -1; } .tiles dd { font-size: 1.45rem; } .tiles div { padding: .8rem .9rem; }
  .narrow-hidden { display: none; } td, th { padding-right: .55rem; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --card: #fff; --ink: #000; --quiet: #444; --rule: #ccc; --soft: #f2f2f2; --train: #9a4200; --validation: #174a99; --plain: #333; --good: #1d5c33; --bad: #9c1c15; --heat: #174a99; --heat-bad: #9c1c15; --on-heat: #fff; }
  body { font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; } nav { display: none; } section { margin: 1.6rem 0; }
  header { padding-top: 0; } main, header, footer { max-width: none; padding-inline: 0; }
  figure, tr, ol.steps li, .card { break-inside: avoid; } h2, h3 { break-after: avoid; } .charts { grid-template-columns: 1fr 1fr; } .mistakes { grid-template-columns: 1fr 1fr 1fr; }
}
`;
