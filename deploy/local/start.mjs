// `npm start`. This file must parse on any Node, so that an old one is told so instead of failing on syntax.
const oldest = [20, 18];
const running = process.versions.node.split('.').map(Number);
if (running[0] < oldest[0] || (running[0] === oldest[0] && running[1] < oldest[1])) {
  console.error(`ModAPI needs Node ${oldest.join('.')} or newer to start; this is ${process.versions.node}.`);
  process.exit(1);
}
void import('./bootstrap.mjs').then((bootstrap) => bootstrap.main(process.argv.slice(2)));
