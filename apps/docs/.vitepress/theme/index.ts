// The theme without its web font: no request leaves the site, and every system has a sans-serif.
import theme from "vitepress/theme-without-fonts";
import "./site.css";

export default theme;
