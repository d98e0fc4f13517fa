// Starts the mirror; a tap on the picture or the card confirms, as on the tablet.
import { $, Mirror } from "./mirror.js";

const mirror = new Mirror();
for (const id of ["view", "card"]) $(id).addEventListener("click", () => mirror.tap());
mirror.start();
