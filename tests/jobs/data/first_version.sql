-- A database of the first version, which had no migrations: films, jobs, accounts, tokens and sessions,
-- all made up. Its key is bytes(range(32)); first_version.json has what that version showed of it.
BEGIN TRANSACTION;
CREATE TABLE accounts (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	password VARCHAR NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	created DOUBLE NOT NULL, 
	changed DOUBLE NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "accounts" VALUES('4dbed734876a461c9f27546fff9fd4bc','anna','operator','$argon2id$v=19$m=8,t=1,p=1$lwQbu6Jo128XgNcH0Fhr8g$bbAMBv3W5qUiA1wZJ9uyknkgaMxlaK8ApiMaRtZfEjU',0,1.79586592249717807772e+09,1.79586592249717831616e+09);
INSERT INTO "accounts" VALUES('9dcb2f28869f4807bbb6954797e21a53','bert','viewer','$argon2id$v=19$m=8,t=1,p=1$iidEDSvdTfdK7bM5xCqHog$O6rVzCKd/rLhYO5hnlALGalXSXTE8JSusvHB4tc3uWU',1,1.79586592253057956698e+09,1.79586592253815913199e+09);
CREATE TABLE jobs (
	id VARCHAR(32) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	created DATETIME NOT NULL, 
	total INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('0f22d26ed5404e60b69f6aa59c7a4e4c','4dbed734876a461c9f27546fff9fd4bc','2026-11-28 11:38:48.038069',3);
INSERT INTO "jobs" VALUES('396d743d060e48a0bcafac7d334d392a','local','2026-11-28 11:38:48.085550',3);
INSERT INTO "jobs" VALUES('e1860416db40459daaac68da2a64195c','local','2026-11-28 11:38:48.087119',2);
CREATE TABLE predictions (
	id VARCHAR(32) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	created DATETIME NOT NULL, 
	job VARCHAR(32), 
	position INTEGER NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	name BLOB NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	patient VARCHAR(64), 
	asked JSON NOT NULL, 
	label VARCHAR(64), 
	result JSON, 
	error JSON, 
	heatmap BLOB, 
	heatmap_rows INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "predictions" VALUES('d827d1b7e8704b43b76b6fce858e259f','4dbed734876a461c9f27546fff9fd4bc','2026-11-28 11:38:47.991979',NULL,0,'done',X'78C445EEBB2870A03CBAD68469AA9E2BFC4B34376532DB62774FBC5839EE3C03B18F6AA52622','523edf4bd7d68bd6d507c2f71bc49ad157373dce900a3fecc67c18ef553ceb3b','4147a9a39be93ee62492e219a915604ffdf74bda24622fc72f5fc088c66a0dae','{"operating_point": null, "error": null, "prevalence": null, "force": false, "explain": "fast", "profile": null}','PNEUMONIA','{"label": "PNEUMONIA", "called": "PNEUMONIA", "forced": false, "positive": "PNEUMONIA", "p_pneumonia": 0.937805, "p_unadjusted": 0.937805, "prevalence": null, "probabilities": {"normal": 0.062195, "bacterial": 0.68559, "viral": 0.252215}, "classes": ["PNEUMONIA"], "error_rate": null, "kinds": ["bacterial"], "subtype": "bacterial", "findings": [], "operating_point": {"name": "balanced", "threshold": 0.5, "rule": "by hand", "finding": null}, "gate": {"level": "ok", "reasons": [], "scores": {"flatness": 1.0, "saturation": 0.0, "blur": 1.0}}, "explanation": {"mode": "fast", "reliable": true, "score": 0.0, "limit": null, "checks": {"inside": 1.0, "focus": 0.0}, "sentence": "100% of the heat lies inside the body; whether the verdict depends on the marked region was not tested; this bundle''s limit was never set on films, so little is hidden"}, "warnings": ["bacterial or viral: in children a film alone cannot tell them apart"], "heatmap_class": "bacterial", "film": {"format": "PNG", "rows": 240, "columns": 260, "bits": 8, "colour": false, "tint": 0.0, "reduced_by": 1}, "timings_ms": {"read": 1.231, "infer": 0.525, "explain": 0.69}, "bundle": "tiny 1", "bundle_sha256": "b38d4ba3d2c51c0ddb5f1fb7371996ad4f543ea640524ba118ebb6c45b4bb788", "profile": null, "notice": "Research use, not a medical device.", "words": {"verdict": "PNEUMONIA", "probability": "0.938", "why_undetermined": "", "call": "Called PNEUMONIA: it is at or above 0.500 (operating point balanced).", "promise": "", "kinds": "bacterial (0.69)", "reasons": []}}',NULL,X'CFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3FCFCC4C3F',8);
INSERT INTO "predictions" VALUES('75400ae53db24d7c914cc23db93c884c','4dbed734876a461c9f27546fff9fd4bc','2026-11-28 11:38:47.991979',NULL,1,'done',X'1277A1F496FE2940E76BDA7350CAC93A62115C9467F6F9CEDBBD2435826C81EE4E610A24','cf741e56f6ea254daa17298951d1a9c4d9cea72a505ca5c2928281cae2971212','4147a9a39be93ee62492e219a915604ffdf74bda24622fc72f5fc088c66a0dae','{"operating_point": null, "error": null, "prevalence": null, "force": false, "explain": "fast", "profile": null}','NORMAL','{"label": "NORMAL", "called": "NORMAL", "forced": false, "positive": "PNEUMONIA", "p_pneumonia": 0.110393, "p_unadjusted": 0.110393, "prevalence": null, "probabilities": {"normal": 0.889607, "bacterial": 0.080703, "viral": 0.029689}, "classes": ["NORMAL"], "error_rate": null, "kinds": [], "subtype": null, "findings": [], "operating_point": {"name": "balanced", "threshold": 0.5, "rule": "by hand", "finding": null}, "gate": {"level": "ok", "reasons": [], "scores": {"flatness": 1.0, "saturation": 0.0, "blur": 1.0}}, "explanation": {"mode": "fast", "reliable": true, "score": 0.0, "limit": null, "checks": {"inside": 1.0, "focus": 0.0}, "sentence": "100% of the heat lies inside the body; whether the verdict depends on the marked region was not tested; this bundle''s limit was never set on films, so little is hidden"}, "warnings": [], "heatmap_class": "normal", "film": {"format": "PNG", "rows": 240, "columns": 260, "bits": 8, "colour": false, "tint": 0.0, "reduced_by": 1}, "timings_ms": {"read": 0.961, "infer": 0.525, "explain": 0.286}, "bundle": "tiny 1", "bundle_sha256": "b38d4ba3d2c51c0ddb5f1fb7371996ad4f543ea640524ba118ebb6c45b4bb788", "profile": null, "notice": "Research use, not a medical device.", "words": {"verdict": "NORMAL", "probability": "0.110", "why_undetermined": "", "call": "Called NORMAL: it is below 0.500 (operating point balanced).", "promise": "", "kinds": "", "reasons": []}}',NULL,X'CFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3ECFCC4C3E',8);
INSERT INTO "predictions" VALUES('ce48dc13376f49858b2d19e25b686196','4dbed734876a461c9f27546fff9fd4bc','2026-11-28 11:38:48.037667','0f22d26ed5404e60b69f6aa59c7a4e4c',0,'done',X'25A509BE8CB68FE3B6738B33ACCDD6730BB55BD7BE9E2944A4C6D3874781150C0164D54F0EB9','523edf4bd7d68bd6d507c2f71bc49ad157373dce900a3fecc67c18ef553ceb3b','4147a9a39be93ee62492e219a915604ffdf74bda24622fc72f5fc088c66a0dae','{"operating_point": "screen", "error": null, "prevalence": 0.05, "force": false, "explain": "none", "profile": null}','PNEUMONIA','{"label": "PNEUMONIA", "called": "PNEUMONIA", "forced": false, "positive": "PNEUMONIA", "p_pneumonia": 0.442462, "p_unadjusted": 0.937805, "prevalence": 0.05, "probabilities": {"normal": 0.557538, "bacterial": 0.323466, "viral": 0.118996}, "classes": ["PNEUMONIA"], "error_rate": null, "kinds": ["bacterial"], "subtype": "bacterial", "findings": [], "operating_point": {"name": "screen", "threshold": 0.1, "rule": "by hand", "finding": null}, "gate": {"level": "ok", "reasons": [], "scores": {"flatness": 1.0, "saturation": 0.0, "blur": 1.0}}, "explanation": null, "warnings": ["bacterial or viral: in children a film alone cannot tell them apart"], "heatmap_class": "bacterial", "film": {"format": "PNG", "rows": 240, "columns": 260, "bits": 8, "colour": false, "tint": 0.0, "reduced_by": 1}, "timings_ms": {"read": 1.059, "infer": 0.483}, "bundle": "tiny 1", "bundle_sha256": "b38d4ba3d2c51c0ddb5f1fb7371996ad4f543ea640524ba118ebb6c45b4bb788", "profile": null, "notice": "Research use, not a medical device.", "words": {"verdict": "PNEUMONIA", "probability": "0.442 at a prevalence of 5 % (0.938 unadjusted)", "why_undetermined": "", "call": "Called PNEUMONIA: the unadjusted figure is at or above 0.100 (operating point screen).", "promise": "", "kinds": "bacterial (0.32)", "reasons": []}}',NULL,NULL,NULL);
INSERT INTO "predictions" VALUES('73c13ac3007b451d827e03ae8951a85d','4dbed734876a461c9f27546fff9fd4bc','2026-11-28 11:38:48.037667','0f22d26ed5404e60b69f6aa59c7a4e4c',1,'failed',X'495CE04159D823032EB2ECDD69AE1F47DF66579A727EC1B6E20C20AA03E2C39CC6BB2C2F94','619c4fdbbebbf6c748390f8e2792f026370fb071f80e3694b14e5406f11a340c','4147a9a39be93ee62492e219a915604ffdf74bda24622fc72f5fc088c66a0dae','{"operating_point": "screen", "error": null, "prevalence": 0.05, "force": false, "explain": "none", "profile": null}',NULL,NULL,'{"type": "https://github.com/pneumoscope/pneumoscope/blob/main/docs/reference/api.md#unknownformat", "title": "Unprocessable Entity", "status": 422, "detail": "film: not an image format that pneumoscope reads", "code": "UnknownFormat", "hint": "Export the film as DICOM, PNG, JPEG, TIFF, BMP or WebP; the content counts, not the ending."}',NULL,NULL);
INSERT INTO "predictions" VALUES('c5062652df41438ebe22d5d6e0e80458','4dbed734876a461c9f27546fff9fd4bc','2026-11-28 11:38:48.037667','0f22d26ed5404e60b69f6aa59c7a4e4c',2,'failed',X'4DC550AE6DA15158BE05E2202F28C73A353DCF493BBA70CBC085E05310FB1A9818F55D494C','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855','4147a9a39be93ee62492e219a915604ffdf74bda24622fc72f5fc088c66a0dae','{"operating_point": "screen", "error": null, "prevalence": 0.05, "force": false, "explain": "none", "profile": null}',NULL,NULL,'{"type": "https://github.com/pneumoscope/pneumoscope/blob/main/docs/reference/api.md#nestedarchive", "title": "Unprocessable Entity", "status": 422, "detail": "an archive within the archive", "code": "NestedArchive", "hint": "Put the films themselves into it."}',NULL,NULL);
INSERT INTO "predictions" VALUES('b5c11c0f9b404e06b7277fcb8e406395','local','2026-11-28 11:38:48.085590','396d743d060e48a0bcafac7d334d392a',0,'failed',X'0D8A9532A4D98CE1A0628FA49E1E1DA52D7A4DECCFA140A78AA6809254D82DBACF4509C4','cf741e56f6ea254daa17298951d1a9c4d9cea72a505ca5c2928281cae2971212',NULL,'{"operating_point": null, "error": null, "prevalence": null, "force": false, "explain": "fast", "profile": null}',NULL,NULL,'{"type": "https://github.com/pneumoscope/pneumoscope/blob/main/docs/reference/api.md#interrupted", "title": "Service Unavailable", "status": 503, "detail": "the server stopped before this film was read", "code": "Interrupted", "hint": "Send the film again."}',NULL,NULL);
INSERT INTO "predictions" VALUES('7a58c27d6e194017bb583a8684d79d09','local','2026-11-28 11:38:48.085884','396d743d060e48a0bcafac7d334d392a',1,'failed',X'23288DEC9F586B95339F59A482A7CA45AAB0B42AD818F5A24C68D3C305978E425453257C','cf741e56f6ea254daa17298951d1a9c4d9cea72a505ca5c2928281cae2971212',NULL,'{"operating_point": null, "error": null, "prevalence": null, "force": false, "explain": "fast", "profile": null}',NULL,NULL,'{"type": "https://github.com/pneumoscope/pneumoscope/blob/main/docs/reference/api.md#cancelled", "title": "Conflict", "status": 409, "detail": "cancelled before the film was read", "code": "Cancelled", "hint": "Send the film again if you want it."}',NULL,NULL);
INSERT INTO "predictions" VALUES('cc4babc4266947bc87bffb36afde3fcc','local','2026-11-28 11:38:48.085971','396d743d060e48a0bcafac7d334d392a',2,'failed',X'3D433BA83FDD7BA07EFFF67ECB47DF84FA66B957796979C3CE9E06C374742A7ED099E1D5','cf741e56f6ea254daa17298951d1a9c4d9cea72a505ca5c2928281cae2971212',NULL,'{"operating_point": null, "error": null, "prevalence": null, "force": false, "explain": "fast", "profile": null}',NULL,NULL,'{"type": "https://github.com/pneumoscope/pneumoscope/blob/main/docs/reference/api.md#serverfault", "title": "Internal Server Error", "status": 500, "detail": "the server failed", "code": "ServerFault", "hint": "Its log says why; please report it."}',NULL,NULL);
INSERT INTO "predictions" VALUES('7d4a706613e848138ad25b2ae73e4624','local','2026-11-28 11:38:48.087130','e1860416db40459daaac68da2a64195c',0,'running',X'A1071B08F9B24E9BC40A8240D8D084A1CADD8F73BD1CF56E3EA420D581F160FAFADB45F3','cf741e56f6ea254daa17298951d1a9c4d9cea72a505ca5c2928281cae2971212',NULL,'{"operating_point": null, "error": null, "prevalence": null, "force": false, "explain": "fast", "profile": null}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "predictions" VALUES('0dd96f7ec00a4306916a5c5a93d036f8','local','2026-11-28 11:38:48.087244','e1860416db40459daaac68da2a64195c',1,'queued',X'A0115531981874E0DDDB98A382A04DD02EC5CE869FCAE5E7CF4D9B57DDBF1CDBF62CC2FF2995','523edf4bd7d68bd6d507c2f71bc49ad157373dce900a3fecc67c18ef553ceb3b',NULL,'{"operating_point": null, "error": null, "prevalence": null, "force": false, "explain": "fast", "profile": null}',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE sessions (
	sha256 VARCHAR NOT NULL, 
	account VARCHAR NOT NULL, 
	created DOUBLE NOT NULL, 
	seen DOUBLE NOT NULL, 
	PRIMARY KEY (sha256)
);
INSERT INTO "sessions" VALUES('c0230e2bd482a80664aaac9d77381885c45d11cd756606ceede5cc3992696b7d','4dbed734876a461c9f27546fff9fd4bc',1.79586592256294870374e+09,1.79586592256294870374e+09);
CREATE TABLE tokens (
	id VARCHAR NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	account VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	scopes VARCHAR NOT NULL, 
	created DOUBLE NOT NULL, 
	expires DOUBLE NOT NULL, 
	revoked DOUBLE, 
	used DOUBLE, 
	PRIMARY KEY (id)
);
INSERT INTO "tokens" VALUES('b5b6775a5b9e','bf25e793554b2c0c99bbfcf25ad62475455eda44e75cc47bc08aeac368715be3','4dbed734876a461c9f27546fff9fd4bc','nightly batch','predict read',1.79586592255265021329e+09,1.80364192255265021322e+09,NULL,NULL);
CREATE INDEX ix_jobs_owner ON jobs (owner);
CREATE INDEX ix_predictions_patient ON predictions (patient);
CREATE INDEX predictions_of_owner ON predictions (owner, created, id);
CREATE INDEX ix_predictions_job ON predictions (job);
CREATE INDEX ix_predictions_state ON predictions (state);
CREATE INDEX ix_sessions_account ON sessions (account);
CREATE INDEX ix_tokens_account ON tokens (account);
COMMIT;
