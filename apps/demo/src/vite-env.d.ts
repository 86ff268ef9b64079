/// <reference types="vite/client" />

/** Which commit the page was built from; `+changes` where files differed from it. */
declare const __COMMIT__: string;
