import "./definitions.js";
import "./live-calls.js";
import "./upload-zone.js";
