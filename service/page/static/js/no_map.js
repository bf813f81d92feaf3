// Stands in for the map where it cannot be drawn: everything else on the page works on.

export class NoMap {
  missing = true;
  async showIndex() {}
  set() {}
  fit() {}
  fitIndex() {}
  fitAnswer() {}
  reveal() {}
  crosshair() {}
  choose() {}
  clearAnswer() {}
  showAnswer() {}
  showTruth() {}
  showPrior() {}
}
