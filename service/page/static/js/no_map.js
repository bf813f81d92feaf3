// Stands in for the map where it cannot be drawn: everything else on the page works on.

export class NoMap {
  missing = true;
  map = { getCanvas: () => document.createElement("canvas") };
  async showIndex() {}
  set() {}
  fit() {}
  choose() {}
  clearAnswer() {}
  showAnswer() {}
  showTruth() {}
  showPrior() {}
}
