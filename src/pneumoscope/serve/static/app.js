// The page over the server that it came from.

import { HttpBackend } from "./http.js";
import { startPage } from "./page.js";

startPage(new HttpBackend());
