// Which temperature lines are shown: the chosen rider's, else everybody's, else of a fleet those that matter.

import { bandOf, bands, isOutside } from "./bands.js";
import { TempChart } from "./chart.js";
import { $, dots, setText } from "./rows.js";
import { COLDS, levelOf, sensing } from "./standing.js";
import { t } from "./words.js";

const SHOWN_MAX = 60;

export class Temps {
  constructor(canvas) {
    this.chart = new TempChart(canvas);
    this.bands = new WeakMap();
  }

  // The band of a sensor, made anew when its readings went on.
  band(sensor) {
    const { points, profile } = sensor;
    const known = this.bands.get(sensor);
    const at = points.at(-1)?.[0];
    if (known && known.version === bands.version && known.profile === profile && (known.at === at || (known.from > 20 && at - known.at < 60_000))) return known.band;
    const band = bandOf(sensor);
    this.bands.set(sensor, { band, profile, at, from: points.length, version: bands.version });
    return band;
  }

  show(picture, now, chosen) {
    const watched = chosen ? [picture.people.get(chosen)].filter(Boolean) : [...picture.people.values()];
    const all = [];
    let [silent, outside] = [0, 0];
    for (const person of watched) {
      for (const sensor of person.sensors.values()) {
        const sensed = sensing(sensor, now);
        const band = this.band(sensor);
        const isOut = !sensed.isSilent && isOutside(band, sensed.temp_cc);
        silent += sensed.isSilent;
        outside += isOut;
        const state = levelOf(COLDS, sensor.marks.at(-1)?.[1])[0];
        all.push({ ...sensed, band, label: chosen ? t("sensor {0}", sensed.name) : `${person.name} ${sensed.name}`, rank: 4 * state + 2 * isOut + sensed.isLost });
      }
    }
    const shown = all.length > SHOWN_MAX ? all.sort((a, b) => b.rank - a.rank).slice(0, SHOWN_MAX) : all;
    this.chart.show(shown, now);
    setText($("temps-scope"), all.length ? dots(chosen && t("{0} only", chosen), t("{0} sensors", all.length),
      shown.length < all.length && t("the {0} that matter most shown", shown.length),
      outside && t("▲ {0} outside their range", outside), silent && t("✕ {0} without signal", silent), t("local time")) : "");
    $("temps-empty").hidden = all.length > 0;
  }
}
